#include "invoker/local_invoker.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "sgx/image.h"
#include "wire/frame.h"

namespace clemmys::invoker {
namespace {

constexpr auto kWatchMemoryEvery = std::chrono::milliseconds(100);

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace

using controller::InstanceId;
using controller::Packet;

LocalInvoker::LocalInvoker(controller::Loop& loop, const Clock& clock, KmsRelay& kms, HostProgram host,
                           controller::ImageDirectory images)
    : loop_(loop),
      clock_(clock),
      kms_(kms),
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

Status LocalInvoker::start(InstanceId id, const controller::InstanceSpec& spec) {
  const std::uint64_t decided_ns = clock_.monotonic_ns();
  const Descriptor image(::open(images_.path_of(spec.image).c_str(), O_RDONLY | O_CLOEXEC));
  if (image.get() < 0) return Error{ErrorCode::kNotFound, "invoker.start.image"};
  // Without a quoting service the instance attests to nobody, and ends by itself.
  const Descriptor quoting(quote_socket_.empty() ? -1 : wire::connect_unix(quote_socket_).value_or(-1));
  const Descriptor nothing(quoting.get() >= 0 ? -1 : ::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::uint64_t number = std::to_underlying(id);
  auto ended = [this, id, number](controller::InstanceEnd how, std::string_view why) {
    const std::string reason(why);
    const auto gone = instances_.extract(number);  // lives until its own report has returned
    events_->instance_ended(id, how, reason);
  };
  HostProcess process = TRY(processes_.take());
  auto instance = TRY(Instance::start(
      {loop_, clock_, kms_, *events_}, id, decided_ns, spec, std::move(process),
      {image.get(), quoting.get() >= 0 ? quoting.get() : nothing.get(), spec.assignment.memory_mib},
      std::move(ended)));
  instances_.emplace(number, std::move(instance));
  watch_memory();
  return {};
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
