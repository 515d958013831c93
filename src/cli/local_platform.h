// local_platform.h: a whole platform on this machine, as child processes: quoting enclave, key service, node
// (controller and invoker), gateway; started in this order, each one ready before the next, kept running,
// ended in reverse order. Trust: the operator's machine: it starts enclaves and hands them untrusted files;
// it sees no secret but the namespace's development key.
#pragma once

#include <optional>
#include <vector>

#include "cli/files.h"
#include "cli/http.h"
#include "cli/interrupt.h"
#include "cli/supervised.h"

namespace clemmys::cli {

// Capacity is what the platform may take of the machine, and one namespace of the platform. Unset: the parts'
// defaults, which `clemmys-node --help` shows; for limits per namespace, none.
struct Capacity {
  std::optional<std::uint64_t> memory_mib, epc_mib, instances, instances_per_function, prewarmed,
      keep_alive_s;
  std::optional<std::uint64_t> invocations_per_minute, concurrent_invocations, payload_mib;
};

struct LocalOptions {
  fs::path state;  // absolute
  std::string host = "127.0.0.1";
  std::uint16_t port = 8443;  // 0: any free one
  fs::path observe;           // absolute; empty: no recording of what the controller sees
  unsigned prewarm = 1;       // generic instances that wait for a function
  bool quiet = false;
  Capacity capacity;
  bool exitless = false;     // of the gateway's host process
  std::string sgx = "soft";  // clemmys-host --platform
  std::optional<std::uint64_t>
      soft_epc_mib;  // page cache of software SGX in each host process; unset: no limit
};

class LocalPlatform {
 public:
  // start locks the state folder, makes it the current folder (sockets have short names then), and starts
  // every part. kConflict when another process uses the state; kUnavailable with the last log lines when a
  // part does not come up; kDeadline at cli.up.interrupted when the user asked to end meanwhile.
  static Result<LocalPlatform> start(const LocalOptions& options, Interrupt& interrupt);
  LocalPlatform(LocalPlatform&& other) noexcept;
  LocalPlatform& operator=(LocalPlatform&&) = delete;
  ~LocalPlatform();  // ends all parts, last first

  const Url& url() const { return url_; }
  const Measurement& kms() const { return kms_; }
  const Bytes& software_root_der() const { return software_root_der_; }
  // watch waits until the user wants to end (success). A part that ends meanwhile is started again and the
  // user is told, on standard error; kUnavailable, with its last log lines, when one keeps ending.
  Status watch(Interrupt& interrupt);

 private:
  LocalPlatform() = default;
  Status launch(Part part, Interrupt& interrupt);

  int lock_ = -1;
  LocalOptions options_;
  Url url_;
  Measurement kms_;
  Bytes software_root_der_;
  std::vector<Supervised> parts_;
};

// create_namespace asks the key service, as the operator, for an empty namespace; gives its one-time claim
// token. kExists when there is one by this name.
Result<std::string> create_namespace(const std::string& kms_socket, std::string_view name);

}  // namespace clemmys::cli
