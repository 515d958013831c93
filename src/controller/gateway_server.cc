#include "controller/gateway_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <unordered_map>

#include "base/log.h"
#include "wire/frame.h"

namespace clemmys::controller {
namespace {

namespace asio = boost::asio;
using wire::ControllerFrame;

constexpr std::size_t kUnsentMax = 512u << 20;  // a gateway that reads this slowly is cut off
constexpr std::size_t kNumberSize = 8;

std::array<std::uint8_t, kNumberSize> encode_number(std::uint64_t number) {
  std::array<std::uint8_t, kNumberSize> bytes;
  for (std::size_t i = 0; i < kNumberSize; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bytes;
}

// take_fixed cuts a fixed-size field off the front of a body.
template <typename Fixed>
Result<Fixed> take_fixed(Packet& body) {
  if (body.size() < Fixed::kSize) return Error{ErrorCode::kCorrupt, "controller.frame.short"};
  Fixed value = TRY(Fixed::from(body.view().first(Fixed::kSize)));
  body.drop_front(Fixed::kSize);
  return value;
}

}  // namespace

struct GatewayServer::State : std::enable_shared_from_this<GatewayServer::State> {
  State(Loop& loop_, Runner& runner_, Store& store_)
      : loop(loop_), acceptor(loop_), runner(runner_), store(store_) {}

  Loop& loop;
  asio::local::stream_protocol::acceptor acceptor;
  Runner& runner;
  Store& store;
  std::string path;
  std::unordered_map<std::uint64_t, std::unique_ptr<Link>> clients;
  std::uint64_t next_client = 1;

  void accept() {
    acceptor.async_accept([self = shared_from_this()](boost::system::error_code error,
                                                      asio::local::stream_protocol::socket socket) {
      if (!self->acceptor.is_open()) return;
      if (!error) self->add(socket.release());
      self->accept();
    });
  }

  void add(int descriptor) {
    const std::uint64_t number = next_client++;
    LinkHandlers handlers;
    handlers.frame = [this, number](std::uint8_t type, Packet body) {
      take(ClientId{number}, type, std::move(body));
    };
    handlers.closed = [this, number](std::string_view why) { remove(number, why); };
    clients.emplace(number,
                    std::make_unique<Link>(loop, descriptor, wire::kFrameSizeMax, std::move(handlers)));
  }

  void remove(std::uint64_t number, std::string_view why) {
    log_info("a gateway went away: " + std::string(why));
    clients.erase(number);
    runner.client_gone(ClientId{number});
  }

  void send(Request request, ControllerFrame type, Packet body) {
    const auto client = clients.find(std::to_underlying(request.client));
    if (client == clients.end()) return;
    client->second->send(std::to_underlying(type), encode_number(request.number), std::move(body));
    if (client->second->unsent_size() > kUnsentMax) remove(client->first, "it reads too slowly");
  }

  void send_error(Request request, const Error& error) {
    Writer writer;
    writer.u8(static_cast<std::uint8_t>(error.code));
    writer.raw(as_bytes(error.site));
    send(request, ControllerFrame::kError, Packet::copy_of(writer.bytes()));
  }

  // answer makes a completion that sends kOk with what `encode` makes of the value, or kError.
  template <typename T, typename Encode>
  Store::Then<T> answer(Request request, ControllerFrame type, Encode encode) {
    return [self = shared_from_this(), request, type, encode](Result<T> result) {
      if (!result) return self->send_error(request, result.error());
      if constexpr (std::is_void_v<T>) {
        self->send(request, type, encode());
      } else {
        self->send(request, type, encode(std::move(*result)));
      }
    };
  }
  Store::Then<void> acknowledge(Request request) {
    return answer<void>(request, ControllerFrame::kOk, [] { return Packet(); });
  }
  Store::Then<Packet> give(Request request) {
    return answer<Packet>(request, ControllerFrame::kOk, [](Packet packet) { return packet; });
  }
  Store::Then<std::vector<wire::StoredRecord>> give_records(Request request) {
    return answer<std::vector<wire::StoredRecord>>(request, ControllerFrame::kRecords,
                                                   [](std::vector<wire::StoredRecord> records) {
                                                     Writer writer;
                                                     writer.u32(static_cast<std::uint32_t>(records.size()));
                                                     for (const wire::StoredRecord& record : records)
                                                       wire::write(writer, record);
                                                     return Packet::copy_of(writer.bytes());
                                                   });
  }

  void take(ClientId client, std::uint8_t type, Packet body) {
    Request request{client, 0, {}};
    if (body.size() < kNumberSize) return remove(std::to_underlying(client), "a frame without a number");
    Reader reader(body.view().first(kNumberSize));
    request.number = reader.u64();
    body.drop_front(kNumberSize);
    if (static_cast<ControllerFrame>(type) == ControllerFrame::kRun) {
      const auto owner = take_fixed<NamespaceId>(body);
      if (!owner) return remove(std::to_underlying(client), "a run without a namespace");
      request.owner = *owner;
      return runner.run(request, std::move(body));
    }
    if (const Status done = take_request(request, static_cast<ControllerFrame>(type), std::move(body));
        !done) {
      log_warning("refused a gateway's request: " + to_string(done.error()));
      send_error(request, done.error());
    }
  }

  Status take_request(Request request, ControllerFrame type, Packet body) {
    switch (type) {
      case ControllerFrame::kPutRecord: {
        Reader reader(body.view());
        wire::StoredRecord record = wire::read_stored_record(reader);
        TRY(reader.finish("controller.put_record"));
        store.put_record(std::move(record), acknowledge(request));
        return {};
      }
      case ControllerFrame::kGetRecord: {
        const auto owner = TRY(take_fixed<NamespaceId>(body));
        const auto activation = TRY(take_fixed<ActivationId>(body));
        store.get_record(owner, activation, give_records(request));
        return {};
      }
      case ControllerFrame::kListRecords:
        store.list_records(TRY(wire::decode_list_records(body.view())), give_records(request));
        return {};
      case ControllerFrame::kCountRecords:
        store.count_records(TRY(wire::decode_list_records(body.view())),
                            answer<std::uint64_t>(request, ControllerFrame::kOk, [](std::uint64_t count) {
                              return Packet::copy_of(encode_number(count));
                            }));
        return {};
      case ControllerFrame::kPutImage: {
        const auto measurement = TRY(take_fixed<Measurement>(body));
        store.put_image(measurement, std::move(body), acknowledge(request));
        return {};
      }
      case ControllerFrame::kGetImage:
        store.get_image(TRY(take_fixed<Measurement>(body)), give(request));
        return {};
      case ControllerFrame::kPutBlob: {
        const auto key = TRY(take_fixed<BlobKey>(body));
        store.put_blob(key, std::move(body), acknowledge(request));
        return {};
      }
      case ControllerFrame::kGetBlob:
        store.get_blob(TRY(take_fixed<BlobKey>(body)), give(request));
        return {};
      case ControllerFrame::kDeleteBlob:
        store.delete_blob(TRY(take_fixed<BlobKey>(body)), acknowledge(request));
        return {};
      case ControllerFrame::kRetireChain:
        runner.retire(TRY(take_fixed<ChainId>(body)));
        send(request, ControllerFrame::kOk, Packet());
        return {};
      case ControllerFrame::kStatus: {
        send(request, ControllerFrame::kOk, Packet::copy_of(as_bytes(runner.status_json())));
        return {};
      }
      default:
        return Error{ErrorCode::kUnsupported, "controller.frame.type"};
    }
  }
};

GatewayServer::GatewayServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<GatewayServer>> GatewayServer::open(Loop& loop, const std::string& path,
                                                           Runner& runner, Store& store) {
  auto state = std::make_shared<State>(loop, runner, store);
  state->path = path;
  ::unlink(path.c_str());
  boost::system::error_code error;
  auto& acceptor = state->acceptor;
  acceptor.open(asio::local::stream_protocol(), error);
  if (!error) acceptor.bind(asio::local::stream_protocol::endpoint(path), error);
  if (!error && ::chmod(path.c_str(), 0600) != 0) error = {errno, boost::system::system_category()};
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error{ErrorCode::kInternal, "controller.gateway_socket", path + ": " + error.message()};
  state->accept();
  return std::unique_ptr<GatewayServer>(new GatewayServer(std::move(state)));
}

GatewayServer::~GatewayServer() { close(); }

void GatewayServer::close() {
  if (!state_->acceptor.is_open()) return;
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  ::unlink(state_->path.c_str());
  state_->clients.clear();
}

void GatewayServer::event(Request request, Packet envelope) {
  state_->send(request, ControllerFrame::kEvent, std::move(envelope));
}
void GatewayServer::done(Request request, Packet envelope) {
  state_->send(request, ControllerFrame::kDone, std::move(envelope));
}
void GatewayServer::failed(Request request, const wire::PlatformError& error) {
  state_->send(request, ControllerFrame::kFailed, Packet::copy_of(wire::encode(error)));
}

}  // namespace clemmys::controller
