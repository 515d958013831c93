// bench-controller-load: the gateway and the instances around a controller. It keeps so many activations
// open, stores a record for each that finished, and prints one line of JSON; then it waits for the end of its
// input, so that the processor time of the controller can be read while it lives.
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "base/clock.h"
#include "base/codec.h"
#include "controller/link.h"
#include "crypto/crypto.h"
#include "wire/envelope.h"
#include "wire/frame.h"
#include "wire/links.h"

namespace clemmys::bench {
namespace {

using asio_acceptor = boost::asio::local::stream_protocol::acceptor;
using boost::asio::local::stream_protocol;
using controller::Packet;

struct Options {
  std::string controller, instances;
  std::uint64_t requests = 10'000, in_flight = 16, payload = 16'384;
  std::uint16_t steps = 4;
};
constexpr std::size_t kRecordSize = 700;  // what a hello's sealed record takes

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), acceptor_(loop_, stream_protocol::endpoint(options.instances)) {
    accept();
  }

  Status connect() {
    for (int tries = 0;; ++tries) {
      auto descriptor = wire::connect_unix(options_.controller);
      if (!descriptor && tries < 1'000) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        continue;
      }
      controller::LinkHandlers handlers;
      handlers.frame = [this](std::uint8_t type, Packet body) { answer(type, body.view()); };
      handlers.closed = [this](std::string_view) { loop_.stop(); };
      gateway_ = std::make_unique<controller::Link>(loop_, TRY(std::move(descriptor)), wire::kFrameSizeMax,
                                                    std::move(handlers));
      return {};
    }
  }

  bool run() {
    begin_ = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < options_.in_flight; ++i) send();
    loop_.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
    std::printf("{\"requests\":%llu,\"errors\":%llu,\"seconds\":%.6f}\n",
                static_cast<unsigned long long>(done_), static_cast<unsigned long long>(failed_),
                took.count());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return done_ == options_.requests && failed_ == 0;
  }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, stream_protocol::socket socket) {
      if (error) return;
      const std::size_t index = instances_.size();
      controller::LinkHandlers handlers;
      handlers.frame = [this, index](std::uint8_t, Packet body) { step(index, std::move(body)); };
      instances_.push_back(std::make_unique<controller::Link>(loop_, socket.release(), wire::kFrameSizeMax,
                                                              std::move(handlers)));
      accept();
    });
  }

  Packet envelope(const wire::Header& header) const {
    Bytes bytes;
    wire::encode_header(header, bytes);
    bytes.resize(bytes.size() + header.payload_size + 16, 0x5a);
    return Packet::copy_of(bytes);
  }

  // step is an instance: it answers with the envelope of the next step, or the result.
  void step(std::size_t index, Packet body) {
    auto header = wire::decode_header(body.view());
    if (!header) return void(++failed_);
    if (++header->step == header->steps) {
      header->kind = wire::Kind::kResult;
      header->receiver = {};
      header->image = {};
    }
    instances_[index]->send(std::to_underlying(wire::InstanceFrame::kOutput), {}, envelope(*header));
  }

  void send() {
    if (sent_ == options_.requests) return;
    wire::Header header;
    header.steps = options_.steps;
    header.activation = wire::new_activation_id(clock_.unix_ms());
    header.chain.bytes[0] = header.receiver.bytes[0] = header.image.bytes[0] = 1;
    header.memory_mib = 128;
    header.timeout_ms = 60'000;
    header.deadline_unix_ms = clock_.unix_ms() + 60'000;
    header.payload_size = options_.payload;
    Writer prefix;
    prefix.u64(++sent_);
    Bytes body(NamespaceId::kSize);
    const Packet sealed = envelope(header);
    body.insert(body.end(), sealed.view().begin(), sealed.view().end());
    gateway_->send(std::to_underlying(wire::ControllerFrame::kRun), prefix.bytes(), Packet::copy_of(body));
  }

  void answer(std::uint8_t type, ByteView body) {
    const auto frame = static_cast<wire::ControllerFrame>(type);
    if (frame == wire::ControllerFrame::kOk) {
      if (++stored_ == options_.requests) loop_.stop();
      return;
    }
    const bool done = frame == wire::ControllerFrame::kDone && body.size() > sizeof(std::uint64_t);
    const auto header = wire::decode_header(done ? body.subspan(sizeof(std::uint64_t)) : ByteView{});
    if (!header) {
      ++failed_;
      return loop_.stop();
    }
    ++done_;
    store(header->activation);
    send();
  }

  void store(const ActivationId& activation) {
    wire::StoredRecord record;
    record.activation = activation;
    record.start_unix_ms = clock_.unix_ms();
    record.expires_unix_ms = record.start_unix_ms + 3'600'000;
    record.state = wire::RecordState::kFinished;
    record.sealed.resize(kRecordSize);
    Writer prefix, body;
    prefix.u64(options_.requests + done_);
    wire::write(body, record);
    gateway_->send(std::to_underlying(wire::ControllerFrame::kPutRecord), prefix.bytes(),
                   Packet::copy_of(body.bytes()));
  }

  const Options options_;
  const SystemClock clock_;
  controller::Loop loop_{1};
  asio_acceptor acceptor_;
  std::unique_ptr<controller::Link> gateway_;
  std::vector<std::unique_ptr<controller::Link>> instances_;
  std::chrono::steady_clock::time_point begin_;
  std::uint64_t sent_ = 0, done_ = 0, stored_ = 0, failed_ = 0;
};

}  // namespace
}  // namespace clemmys::bench

int main(int argc, char** argv) {
  using namespace clemmys;
  bench::Options options;
  CLI::App app("The gateway and the instances around a controller that is measured");
  app.add_option("--controller", options.controller, "the controller's socket")->required();
  app.add_option("--instances", options.instances, "the socket to make for its instances")->required();
  app.add_option("--requests", options.requests)->check(CLI::PositiveNumber);
  app.add_option("--in-flight", options.in_flight)->check(CLI::PositiveNumber);
  app.add_option("--payload", options.payload, "bytes of each envelope")->check(CLI::PositiveNumber);
  app.add_option("--steps", options.steps, "of the chain")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (!crypto::initialize()) return 1;
  bench::Load load(options);
  if (const Status connected = load.connect(); !connected) {
    std::fprintf(stderr, "bench-controller-load: %s\n", to_string(connected.error()).c_str());
    return 1;
  }
  return load.run() ? 0 : 1;
}
