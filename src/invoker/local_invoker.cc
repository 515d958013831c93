#include "invoker/local_invoker.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "sgx/image.h"

namespace clemmys::invoker {

using controller::InstanceId;
using controller::Packet;

LocalInvoker::LocalInvoker(controller::Loop& loop, const Clock& clock, KmsRelay& kms, HostProgram host,
                           controller::ImageDirectory images)
    : loop_(loop), clock_(clock), kms_(kms), host_(std::move(host)), images_(std::move(images)) {}

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
  if (!images_.has(spec.image)) return Error{ErrorCode::kNotFound, "invoker.start.image"};
  const std::vector<std::string> arguments{"--platform",
                                           host_.platform,
                                           "--soft-state",
                                           host_.soft_state,
                                           "--quote-socket",
                                           host_.quote_socket,
                                           "--fd",
                                           "3",
                                           images_.path_of(spec.image)};
  const std::uint64_t number = std::to_underlying(id);
  auto ended = [this, id, number](controller::InstanceEnd how, std::string_view why) {
    const std::string reason(why);
    const auto gone = instances_.extract(number);  // lives until its own report has returned
    events_->instance_ended(id, how, reason);
  };
  auto instance = TRY(Instance::start({loop_, clock_, kms_, *events_}, id, decided_ns, spec, host_.binary,
                                      arguments, std::move(ended)));
  instances_.emplace(number, std::move(instance));
  return {};
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
