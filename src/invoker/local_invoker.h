// local_invoker.h: controller/invoker.h with processes of this machine. Threads: the loop's only.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "controller/image_directory.h"
#include "invoker/instance.h"

namespace clemmys::invoker {

// HostProgram is how an enclave's host process is started: `binary --platform P --soft-state D --quote-socket
// S --fd 3 IMAGE`.
struct HostProgram {
  std::string binary;
  std::string platform = "auto";
  std::string soft_state;
  std::string quote_socket;
};

class LocalInvoker final : public controller::Invoker {
 public:
  // All references must outlive the invoker.
  LocalInvoker(controller::Loop& loop, const Clock& clock, KmsRelay& kms, HostProgram host,
               controller::ImageDirectory images);
  // set_events says who hears of instances; before the first start.
  void set_events(controller::InstanceEvents& events) { events_ = &events; }

  Result<std::uint64_t> image_size(const Measurement& image) override;
  Status start(controller::InstanceId id, const controller::InstanceSpec& spec) override;
  void run(controller::InstanceId id, controller::Packet envelope) override;
  void stop(controller::InstanceId id) override;

  // process is the host process of an instance, for whoever watches it; -1 when there is none.
  pid_t process(controller::InstanceId id) const;

 private:
  controller::Loop& loop_;
  const Clock& clock_;
  KmsRelay& kms_;
  const HostProgram host_;
  const controller::ImageDirectory images_;
  controller::InstanceEvents* events_ = nullptr;
  std::map<Measurement, std::uint64_t> image_sizes_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Instance>> instances_;
};

}  // namespace clemmys::invoker
