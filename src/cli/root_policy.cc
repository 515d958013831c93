#include "cli/root_policy.h"

namespace clemmys::cli {
namespace {

std::string list(std::string_view field, const std::vector<std::string>& values) {
  std::string text = std::string(field) + ":\n";
  for (const std::string& value : values) text += "  - \"" + value + "\"\n";
  return text;
}

}  // namespace

std::string to_yaml(const LocalPolicy& policy) {
  return "# Root policy of a development platform on one machine, written by `clemmys up`. Its digest is in the evidence.\n"
         "version: 1\n" +
         list("gateways", {to_hex(policy.gateway)}) + "native_images: any-deployed\n" + list("tcb_statuses", {"UpToDate"}) +
         list("dns_names", policy.dns_names) + list("ip_addresses", policy.ip_addresses) +
         "# This machine has no SGX: whoever operates it can read everything.\n"
         "insecure_accept_software_sgx: true\n"
         "software_root: \"" + to_hex(policy.software_root_der) + "\"\n";
}

}  // namespace clemmys::cli
