// bench-controller: the controller with its store as a program that can be packed, so that one and the same
// runs outside and inside an enclave. Its instances are connections to bench-controller-load, one for each
// that it starts; frames are wire/links.h InstanceFrame, kEnvelope there and kOutput back. It ends when that
// does.
#include "controller/controller.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <map>

#include "controller/link.h"
#include "controller/sqlite_store.h"
#include "wire/frame.h"

namespace clemmys::bench {
namespace {

using controller::InstanceId;
using controller::Packet;

class SocketInvoker final : public controller::Invoker {
 public:
  SocketInvoker(controller::Loop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}
  void set_events(controller::InstanceEvents& events) { events_ = &events; }

  Result<std::uint64_t> image_size(const Measurement&) override { return std::uint64_t{2} << 20; }
  Status start(InstanceId instance, const controller::InstanceSpec&) override {
    controller::LinkHandlers handlers;
    handlers.frame = [this, instance](std::uint8_t, Packet body) {
      events_->instance_output(instance, std::move(body));
    };
    handlers.closed = [this](std::string_view) { loop_.stop(); };
    links_[instance] = std::make_unique<controller::Link>(loop_, TRY(wire::connect_unix(path_)),
                                                          wire::kFrameSizeMax, std::move(handlers));
    boost::asio::post(loop_, [this, instance] { events_->instance_ready(instance, {}); });
    return {};
  }
  void run(InstanceId instance, Packet envelope) override {
    links_.at(instance)->send(std::to_underlying(wire::InstanceFrame::kEnvelope), {}, std::move(envelope));
  }
  void stop(InstanceId instance) override { links_.erase(instance); }

 private:
  controller::Loop& loop_;
  const std::string path_;
  controller::InstanceEvents* events_ = nullptr;
  std::map<InstanceId, std::unique_ptr<controller::Link>> links_;
};

Status serve(const std::string& gateways, const std::string& instances, const std::string& directory) {
  controller::Loop loop{1};
  const SystemClock clock;
  const auto store = TRY(controller::open_sqlite_store(
      {.directory = directory}, clock,
      [&loop](std::move_only_function<void()> function) { boost::asio::post(loop, std::move(function)); }));
  SocketInvoker invoker(loop, instances);
  const auto controller = TRY(controller::Controller::open(loop, gateways, {}, clock, *store, invoker));
  invoker.set_events(*controller);
  loop.run();
  controller->close();
  return {};
}

}  // namespace
}  // namespace clemmys::bench

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: bench-controller GATEWAYS INSTANCES DIRECTORY\n"), 2;
  const clemmys::Status served = clemmys::bench::serve(argv[1], argv[2], argv[3]);
  if (!served) std::fprintf(stderr, "bench-controller: %s\n", to_string(served.error()).c_str());
  return served ? 0 : 1;
}
