#include "cli/root_policy.h"

#include "crypto/base64.h"

namespace clemmys::cli {

std::string to_yaml(const LocalPolicy& policy) {
  std::string names;
  for (const std::string& name : policy.names) names += (names.empty() ? "" : ", ") + name;
  return "# Root policy of a development platform on one machine, written by `clemmys up`. Its digest is in "
         "the evidence.\n"
         "version: 1\n"
         "dns_names: [" +
         names +
         "]\n"
         "images:\n"
         "  kms: [" +
         to_hex(policy.kms) +
         "]\n"
         "  gateway: [" +
         to_hex(policy.gateway) +
         "]\n"
         "  javascript: [" +
         to_hex(policy.javascript) +
         "]\n"
         "  native: any-deployed\n"
         "tolerated_tcb: [UpToDate]\n"
         "# This machine has no SGX: whoever operates it can read everything.\n"
         "insecure_accept_software_sgx: true\n"
         "software_root: " +
         crypto::to_base64(policy.software_root_der) +
         "\n"
         "# The newest state is remembered in a file only: whoever operates the machine can roll it back.\n"
         "insecure_file_anchor: true\n";
}

}  // namespace clemmys::cli
