// own_instance.h: an instance of the hand's own, beside the real invoker, which gives each instance one
// function. This one is given a function with its start, and others after it.
#pragma once

#include "controller/image_directory.h"
#include "invoker/instance.h"

namespace clemmys::testing {

class OwnInstance {
 public:
  // context.events hear of the instance under the id of its latest assignment.
  OwnInstance(const invoker::InstanceContext& context, invoker::HostProgram host,
              controller::ImageDirectory images)
      : context_(context), host_(std::move(host)), images_(std::move(images)) {}

  bool lives() const { return instance_ != nullptr; }
  bool serves(controller::InstanceId id) const { return lives() && id == id_; }
  Status start(controller::InstanceId id, const controller::InstanceSpec& spec);
  void assign_again(controller::InstanceId id, const controller::InstanceSpec& spec);
  void run(controller::Packet envelope) { instance_->run(std::move(envelope)); }
  void stop() { instance_.reset(); }

 private:
  invoker::Instance::Ended ended();

  const invoker::InstanceContext context_;
  const invoker::HostProgram host_;
  const controller::ImageDirectory images_;
  std::unique_ptr<invoker::Instance> instance_;
  controller::InstanceId id_{};
};

}  // namespace clemmys::testing
