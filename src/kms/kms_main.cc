// kms_main.cc: wires the KMS. It runs in an enclave; as an ordinary process it stops at once, for it has no
// identity there. Arguments are the host's: paths only. What must be trusted is in the root policy, whose
// digest is in the evidence.
#include <openssl/crypto.h>

#include <cstdio>
#include <map>
#include <string>

#include "attest/collateral.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "kms/file.h"
#include "kms/server.h"

namespace clemmys::kms {
namespace {

constexpr char kUsage[] = "usage: kms --socket PATH --state DIR --root-policy FILE --collateral FILE";
constexpr std::size_t kCollateralSizeMax = 1u << 20;

Result<std::map<std::string, std::string>> parse_arguments(int count, char** values) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < count; i += 2) options[values[i]] = values[i + 1];
  const Error usage{ErrorCode::kInvalid, "kms.main.arguments", kUsage};
  if (count != 9 || options.size() != 4) return usage;
  for (const char* name : {"--socket", "--state", "--root-policy", "--collateral"}) {
    if (!options.contains(name)) return usage;
  }
  return options;
}

Result<std::string> read_text(const std::string& path, std::size_t size_max) {
  const auto content = TRY(read_file(path, size_max));
  if (!content) return Error{ErrorCode::kNotFound, "kms.main.file", path + " is missing"};
  return std::string(as_text(*content));
}

void log_policy(const RootPolicy& policy) {
  log_info("root policy " + to_hex(policy.digest));
  if (policy.trust.insecure_accept_software_sgx) {
    log_warning(
        "insecure_accept_software_sgx: software SGX protects nothing from whoever operates this machine");
  }
  if (policy.insecure_file_anchor) {
    log_warning("insecure_file_anchor: whoever operates this machine can roll the state back unnoticed");
  }
}

Status run(int count, char** values) {
  // The host's OpenSSL configuration is none of ours.
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1)
    return Error{ErrorCode::kInternal, "kms.main.openssl"};
  TRY(crypto::initialize());
  const auto options = TRY(parse_arguments(count, values));
  std::string policy_text = TRY(read_text(options.at("--root-policy"), kPolicySizeMax));
  RootPolicy policy = TRY(parse_root_policy(std::move(policy_text)));
  const std::string collateral_text = TRY(read_text(options.at("--collateral"), kCollateralSizeMax));
  attest::Collateral collateral = TRY(attest::collateral_from_json(collateral_text));
  const auto sealer = TRY(device_sealer());
  const auto attester = TRY(attest::device_attester());
  log_policy(policy);
  if (!policy.insecure_file_anchor) {
    return Error{ErrorCode::kUnsupported, "kms.main.anchor",
                 "this version has the file anchor only: set insecure_file_anchor: true"};
  }
  const std::string& folder = options.at("--state");
  const auto anchor = insecure_file_anchor(folder);
  const SystemClock clock;
  const auto service = TRY(
      Service::open({folder, std::move(policy), std::move(collateral), *anchor, *sealer, *attester, clock}));
  const auto server = TRY(Server::listen(options.at("--socket"), *service));
  log_info("ready; revision " + std::to_string(service->revision()) + ", " +
           std::to_string(service->action_count()) + " functions");
  return server->run();
}

}  // namespace
}  // namespace clemmys::kms

int main(int count, char** values) {
  clemmys::set_log_part("kms");
  const auto status = clemmys::kms::run(count, values);
  if (status) return 0;
  clemmys::log_error(clemmys::to_string(status.error()));
  return 1;
}
