// local_invoker.h: controller/invoker.h with processes of this machine. Threads: the loop's only.
#pragma once

#include <sys/types.h>

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "controller/image_directory.h"
#include "invoker/instance.h"
#include "invoker/prewarmed.h"

namespace clemmys::invoker {

// Every 100 ms it looks at the memory of each instance: this is the limit that holds whatever runs inside.
class LocalInvoker final : public controller::Invoker {
 public:
  // All references must outlive the invoker.
  LocalInvoker(controller::Loop& loop, const Clock& clock, KmsRelay& kms, controller::Store& store,
               HostProgram host, controller::ImageDirectory images);
  // set_events says who hears of instances; before the first start.
  void set_events(controller::InstanceEvents& events) { events_ = &events; }

  // close ends the processes that were started ahead; instances are the controller's to stop.
  void close();

  // keep_prewarmed keeps `count` instances of a generic image ready, for functions of any namespace; with 0,
  // none any more.
  void keep_prewarmed(const Measurement& image, std::size_t count, std::uint64_t payload_size_max);

  Result<std::uint64_t> image_size(const Measurement& image) override;
  Status start(controller::InstanceId id, const controller::InstanceSpec& spec) override;
  void run(controller::InstanceId id, controller::Packet envelope) override;
  void stop(controller::InstanceId id) override;

  // process is the host process of an instance, for whoever watches it; -1 when there is none.
  pid_t process(controller::InstanceId id) const;

 private:
  Result<std::unique_ptr<Instance>> start_process(controller::InstanceId id,
                                                  const controller::InstanceSpec& spec,
                                                  controller::InstanceEvents& events, Instance::Ended ended);
  void watch_memory();

  controller::Loop& loop_;
  const Clock& clock_;
  KmsRelay& kms_;
  controller::Store& store_;
  const std::string quote_socket_;
  HostProcesses processes_;
  boost::asio::steady_timer watch_;
  bool watching_ = false;
  const controller::ImageDirectory images_;
  controller::InstanceEvents* events_ = nullptr;
  std::map<Measurement, std::uint64_t> image_sizes_;
  Measurement generic_image_;
  std::unique_ptr<Prewarmed> prewarmed_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Instance>> instances_;
};

}  // namespace clemmys::invoker
