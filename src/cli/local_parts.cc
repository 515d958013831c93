#include "cli/local_parts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/service/quote_client.h"
#include "cli/outcome.h"
#include "wire/frame.h"
#include "wire/kms_api.h"
#include "wire/links.h"

namespace clemmys::cli {
namespace {

// kInside is what the state folder is called inside enclaves: manifests allow paths below it, so that no
// measurement depends on where the state lies.
constexpr const char* kInside = "/clemmys";
std::string inside(const char* path) { return std::string(kInside) + "/" + path; }

void add_number(std::vector<std::string>& arguments, const char* name, std::optional<std::uint64_t> value) {
  if (value) arguments.insert(arguments.end(), {name, std::to_string(*value)});
}

// add_machine names the SGX that a host process uses; clemmys-host and clemmys-node have the same options.
void add_machine(std::vector<std::string>& arguments, const LocalOptions& options) {
  arguments.insert(arguments.end(), {"--platform", options.sgx, "--soft-state", kSoftSgxState});
  add_number(arguments, "--soft-epc-mib", options.soft_epc_mib);
}

std::vector<std::string> enclave(const Layout& layout, const LocalOptions& options, const std::string& image,
                                 std::vector<std::string> arguments,
                                 const std::vector<std::string>& host = {}, bool attests = true) {
  std::vector<std::string> all{(layout.programs / "clemmys-host").string(), "--mount",
                               std::string(kInside) + "=."};
  add_machine(all, options);
  all.insert(all.end(), host.begin(), host.end());
  if (attests) all.insert(all.end(), {"--quote-socket", kQuotingSocket});
  all.insert(all.end(), {(layout.images / image).string(), "--"});
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

// answers sends one frame and sees whether the answer has the type that means success.
bool answers(const char* socket, std::uint8_t type, ByteView body, std::uint8_t success) {
  const auto connection = wire::connect_unix(socket);
  if (!connection) return false;
  bool good = false;
  if (wire::write_frame(*connection, type, body)) {
    const auto answer = wire::read_frame(*connection);
    good = answer && answer->type == success;
  }
  ::close(*connection);
  return good;
}

}  // namespace

Part quoting_part(const Layout& layout, const LocalOptions& options) {
  return {"quoting-enclave",
          enclave(layout, options, "quoting_enclave.sgx",
                  {inside(kQuotingSocket), inside("quoting/key.sealed")}, {}, false),
          [] { return attest::request_target_info(kQuotingSocket).has_value(); }};
}

Part kms_part(const Layout& layout, const LocalOptions& options) {
  return {"kms",
          enclave(layout, options, "kms.sgx",
                  {"--socket", inside(kKmsSocket), "--state", inside("kms"), "--root-policy",
                   inside(kRootPolicy), "--collateral", inside(kCollateral)}),
          [] {
            return answers(kKmsSocket, static_cast<std::uint8_t>(wire::KmsFrame::kNonce), {},
                           static_cast<std::uint8_t>(wire::KmsFrame::kAnswer));
          }};
}

Part node_part(const Layout& layout, const LocalOptions& options) {
  std::vector<std::string> arguments{(layout.programs / "clemmys-node").string(),
                                     "--controller-socket",
                                     kControllerSocket,
                                     "--kms-socket",
                                     kKmsSocket,
                                     "--state",
                                     "node",
                                     "--host-binary",
                                     (layout.programs / "clemmys-host").string(),
                                     "--quote-socket",
                                     kQuotingSocket,
                                     "--generic-image",
                                     (layout.images / kJavaScriptImage).string(),
                                     "--prewarmed-generic",
                                     std::to_string(options.prewarm)};
  add_machine(arguments, options);
  if (!options.observe.empty()) arguments.insert(arguments.end(), {"--observe", options.observe.string()});
  add_number(arguments, "--memory-mib-max", options.capacity.memory_mib);
  add_number(arguments, "--epc-mib-max", options.capacity.epc_mib);
  add_number(arguments, "--instances-max", options.capacity.instances);
  add_number(arguments, "--instances-per-function-max", options.capacity.instances_per_function);
  add_number(arguments, "--prewarmed", options.capacity.prewarmed);
  if (options.capacity.keep_alive_s)
    add_number(arguments, "--keep-alive-ms", *options.capacity.keep_alive_s * 1'000);
  return {"node", std::move(arguments), [] {
            const Bytes number(8, 0);  // the request number of kStatus
            return answers(kControllerSocket, static_cast<std::uint8_t>(wire::ControllerFrame::kStatus),
                           number, static_cast<std::uint8_t>(wire::ControllerFrame::kOk));
          }};
}

Part gateway_part(const Layout& layout, const LocalOptions& options, const Url& url) {
  const Capacity& capacity = options.capacity;
  std::vector<std::string> arguments{
      "--listen",         options.host + ":" + url.port, "--kms-socket",
      inside(kKmsSocket), "--controller-socket",         inside(kControllerSocket)};
  add_number(arguments, "--invocations-per-minute", capacity.invocations_per_minute);
  add_number(arguments, "--concurrent-invocations", capacity.concurrent_invocations);
  add_number(arguments, "--payload-mib", capacity.payload_mib);
  std::vector<std::string> host{"--counts", kGatewayCounts};
  if (options.exitless) host.push_back("--exitless");
  return {"gateway", enclave(layout, options, "gateway.sgx", std::move(arguments), host), [url] {
            const auto answer = exchange_unverified(url, {.target = "/api/v1"}, std::chrono::seconds(2));
            return answer && answer->status == 200;
          }};
}

Result<std::uint16_t> free_port(const std::string& host, std::uint16_t wanted) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(wanted), .sin_addr = {}, .sin_zero = {}};
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return failure(ErrorCode::kInvalid, "cli.up.listen", "'" + host + "' is not an IPv4 address",
                   "use --listen 127.0.0.1:8443");
  }
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) {
    return failure(ErrorCode::kInternal, "cli.up.socket", "the operating system gives no socket",
                   "close other programs, or raise the limit on open files (ulimit -n)");
  }
  const int yes = 1;
  ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  socklen_t size = sizeof address;
  const bool bound = ::bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(probe);
  if (!bound) {
    return failure(ErrorCode::kConflict, "cli.up.port", host + ":" + std::to_string(wanted) + " is in use",
                   "end the other program, or choose another port: --listen " + host + ":0 takes a free one");
  }
  return ntohs(address.sin_port);
}

}  // namespace clemmys::cli
