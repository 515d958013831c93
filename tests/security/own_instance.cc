#include "own_instance.h"

#include <fcntl.h>

#include "base/descriptor.h"
#include "wire/frame.h"

namespace clemmys::testing {

using controller::InstanceId;
using controller::InstanceSpec;

invoker::Instance::Ended OwnInstance::ended() {
  return [this](controller::InstanceEnd how, std::string_view why) {
    const auto gone = std::move(instance_);  // lives until its own report has returned
    context_.events->instance_ended(id_, how, why);
  };
}

Status OwnInstance::start(InstanceId id, const InstanceSpec& spec) {
  id_ = id;
  const Descriptor image(::open(images_.path_of(spec.image).c_str(), O_RDONLY | O_CLOEXEC));
  const Descriptor quoting(TRY(wire::connect_unix(host_.quote_socket)));
  auto process = TRY(invoker::HostProcess::start(host_, context_.clock));
  instance_ =
      TRY(invoker::Instance::start(context_, id, context_.clock.monotonic_ns(), spec, std::move(process),
                                   {image.get(), quoting.get(), spec.assignment.memory_mib}, ended()));
  return {};
}

void OwnInstance::assign_again(InstanceId id, const InstanceSpec& spec) {
  id_ = id;
  instance_->adopt(id, *context_.events, ended(), spec);
}

}  // namespace clemmys::testing
