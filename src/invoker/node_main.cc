// clemmys-node: the untrusted part of the platform on one machine: controller, invoker, store.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/log.h"
#include "invoker/machine.h"
#include "invoker/node.h"

namespace {

// preloaded_machine is what makes an SGX machine of a process under `softsgx run`, for the processes that it
// starts.
std::vector<std::string> preloaded_machine() {
  std::vector<std::string> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("LD_PRELOAD=") || text.starts_with("SOFTSGX_")) kept.emplace_back(text);
  }
  return kept;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace clemmys;
  set_log_part("node");
  invoker::NodeOptions options;
  controller::SchedulerLimits& limits = options.limits;
  CLI::App app("Schedules envelopes, runs function enclaves, keeps ciphertext. Trusted with nothing.");
  app.add_option("--controller-socket", options.controller_socket, "Unix socket to make for gateways")
      ->required();
  app.add_option("--kms-socket", options.kms_socket, "Unix socket of the key management service")->required();
  app.add_option("--state", options.state_directory, "directory for store and images")->required();
  app.add_option("--host-binary", options.host.binary, "clemmys-host")->required()->check(CLI::ExistingFile);
  app.add_option("--platform", options.host.platform, "SGX by: auto, soft or linux")
      ->check(CLI::IsMember({"auto", "soft", "linux"}));
  app.add_option("--soft-state", options.host.soft_state, "machine keys of software SGX");
  app.add_option("--soft-epc-mib", options.host.soft_epc_mib,
                 "page cache of software SGX in each host process; more is paged");
  app.add_option("--quote-socket", options.host.quote_socket, "Unix socket of the quoting enclave");
  app.add_option("--prewarmed", options.host.prewarmed, "host processes that are started ahead");
  app.add_option("--observe", options.observe_directory,
                 "folder that receives every envelope as the controller sees it");
  app.add_option("--instances-max", limits.instances_max)->check(CLI::PositiveNumber);
  app.add_option("--instances-per-function-max", limits.instances_per_function_max,
                 "instances of one function: as many of its calls run at once, more wait")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--memory-mib-max", limits.memory_mib_max, "host memory that instances may fill")
      ->check(CLI::PositiveNumber);
  const CLI::Option* epc = app.add_option("--epc-mib-max", limits.epc_mib_max,
                                          "enclave page cache that instances may fill with images and heaps")
                               ->check(CLI::PositiveNumber);
  app.add_option("--keep-alive-ms", limits.keep_alive_ms, "how long an idle instance is kept");
  app.add_option("--start-timeout-ms", limits.start_timeout_ms)->check(CLI::PositiveNumber);
  app.add_option("--payload-size-max", limits.payload_size_max, "bytes, before padding")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{wire::kPayloadSizeMaxHard}));
  // Three quarters of the machine; of enclave memory all that the processor has.
  limits.memory_mib_max = std::max(std::uint64_t{1'024}, invoker::memory_mib() / 4 * 3);
  std::string generic_image;
  std::size_t prewarmed = 0;
  app.add_option("--generic-image", generic_image, "image that runs scripts")->check(CLI::ExistingFile);
  app.add_option("--prewarmed-generic", prewarmed, "its instances that wait for a function");
  CLI11_PARSE(app, argc, argv);
  if (!generic_image.empty()) {
    auto generic = invoker::read_generic_image(generic_image);
    if (!generic) {
      log_error(to_string(generic.error()));
      return 1;
    }
    options.generic = std::move(*generic);
    options.generic.prewarmed = prewarmed;
  }
  if (epc->count() == 0) {
    const std::uint64_t epc_mib = options.host.platform == "soft" ? 0 : invoker::epc_mib();
    limits.epc_mib_max = epc_mib != 0 ? epc_mib : limits.memory_mib_max;
  }

  if (options.host.platform != "soft") options.host.environment = preloaded_machine();
  const auto node = invoker::Node::open(options);
  if (!node) {
    log_error(to_string(node.error()));
    return 1;
  }
  (*node)->stop_on_signals();
  log_info("serving gateways");
  (*node)->run();
  return 0;
}
