#include "cli/root_policy.h"

#include "cli/base64.h"

namespace clemmys::cli {

std::string to_yaml(const LocalPolicy& policy) {
  std::string text =
      "# Root policy of a development platform on one machine, written by `clemmys up`. Its digest is in the evidence.\n"
      "version: 1\n"
      "dns_names:\n";
  for (const std::string& name : policy.names) text += "  - \"" + name + "\"\n";
  text += "images:\n  kms:\n    - " + to_hex(policy.kms) + "\n  gateway:\n    - " + to_hex(policy.gateway) + "\n";
  text += "tolerated_tcb:\n  - UpToDate\n";
  text += "# This machine has no SGX: whoever operates it can read everything.\ninsecure_accept_software_sgx: true\n";
  text += "software_root: " + to_base64(policy.software_root_der) + "\n";
  text += "# The newest state is remembered in a file only: whoever operates the machine can roll it back.\ninsecure_file_anchor: true\n";
  return text;
}

}  // namespace clemmys::cli
