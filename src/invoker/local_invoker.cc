#include "invoker/local_invoker.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/descriptor.h"
#include "sgx/image.h"
#include "wire/frame.h"

namespace clemmys::invoker {
namespace {

constexpr std::uint32_t kMemoryMibMax = 512;  // of any function
constexpr auto kWatchMemoryEvery = std::chrono::milliseconds(100);

}  // namespace

using controller::InstanceId;
using controller::Packet;

LocalInvoker::LocalInvoker(controller::Loop& loop, const Clock& clock, KmsRelay& kms,
                           controller::Store& store, HostProgram host, controller::ImageDirectory images)
    : loop_(loop),
      clock_(clock),
      kms_(kms),
      store_(store),
      quote_socket_(host.quote_socket),
      processes_(loop, clock, std::move(host)),
      watch_(loop),
      images_(std::move(images)) {}

Result<std::uint64_t> LocalInvoker::image_size(const Measurement& image) {
  const auto known = image_sizes_.find(image);
  if (known != image_sizes_.end()) return known->second;
  const Packet file = TRY(images_.get(image));
  // What is no image does not start; until then it counts as large as its file.
  const auto parsed = sgx::parse_image_pages(file.view(), sgx::Measure::kNo);
  const std::uint64_t size = parsed ? parsed->pages.size() * sgx::kPageSize : file.size();
  image_sizes_.emplace(image, size);
  return size;
}

Result<std::unique_ptr<Instance>> LocalInvoker::start_process(InstanceId id,
                                                              const controller::InstanceSpec& spec,
                                                              controller::InstanceEvents& events,
                                                              Instance::Ended ended) {
  const std::uint64_t decided_ns = clock_.monotonic_ns();
  const Descriptor image(::open(images_.path_of(spec.image).c_str(), O_RDONLY | O_CLOEXEC));
  if (image.get() < 0) return Error{ErrorCode::kNotFound, "invoker.start.image"};
  // Without a quoting service the instance attests to nobody, and ends by itself.
  const Descriptor quoting(quote_socket_.empty() ? -1 : wire::connect_unix(quote_socket_).value_or(-1));
  const Descriptor nothing(quoting.get() >= 0 ? -1 : ::open("/dev/null", O_RDWR | O_CLOEXEC));
  HostProcess process = TRY(processes_.take());
  return Instance::start(
      {loop_, clock_, kms_, store_, &events}, id, decided_ns, spec, std::move(process),
      {image.get(), quoting.get() >= 0 ? quoting.get() : nothing.get(), spec.assignment.memory_mib},
      std::move(ended));
}

Status LocalInvoker::start(InstanceId id, const controller::InstanceSpec& spec) {
  const std::uint64_t number = std::to_underlying(id);
  Instance::Ended ended = [this, id, number](controller::InstanceEnd how, std::string_view why) {
    const std::string reason(why);
    const auto gone = instances_.extract(number);  // lives until its own report has returned
    events_->instance_ended(id, how, reason);
  };
  std::unique_ptr<Instance> waiting;
  if (prewarmed_ && spec.image == generic_image_) waiting = prewarmed_->take();
  if (waiting) {
    waiting->adopt(id, *events_, std::move(ended), spec);
    instances_.emplace(number, std::move(waiting));
  } else {
    instances_.emplace(number, TRY(start_process(id, spec, *events_, std::move(ended))));
  }
  watch_memory();
  return {};
}

void LocalInvoker::keep_prewarmed(const Measurement& image, std::size_t count,
                                  std::uint64_t payload_size_max) {
  generic_image_ = image;
  prewarmed_.reset();
  if (count == 0) return;
  // Which limit its function will have is not known yet: inside, the runtime keeps it; outside, adopt() says
  // it.
  const controller::InstanceSpec spec{image, {FunctionId(), kMemoryMibMax, payload_size_max}};
  prewarmed_ = std::make_unique<Prewarmed>(
      loop_, kms_, count,
      [this, spec](InstanceId id, controller::InstanceEvents& events, Instance::Ended ended) {
        return start_process(id, spec, events, std::move(ended));
      });
}

void LocalInvoker::watch_memory() {
  if (instances_.empty() || std::exchange(watching_, true)) return;
  watch_.expires_after(kWatchMemoryEvery);
  watch_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    watching_ = false;
    for (const auto& entry : instances_) entry.second->check_memory();
    watch_memory();
  });
}

void LocalInvoker::close() {
  prewarmed_.reset();
  processes_.close();
  watch_.cancel();
}

void LocalInvoker::run(InstanceId id, Packet envelope) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found != instances_.end()) found->second->run(std::move(envelope));
}

void LocalInvoker::stop(InstanceId id) { instances_.erase(std::to_underlying(id)); }

pid_t LocalInvoker::process(InstanceId id) const {
  const auto found = instances_.find(std::to_underlying(id));
  return found == instances_.end() ? -1 : found->second->process();
}

}  // namespace clemmys::invoker
