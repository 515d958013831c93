// What the key service parses by itself: the root policy (the host's), names and parameters (users'), and
// deltas. A delta comes from the sealed journal; a decoder that trusted it would still hide bugs.
#include "fuzz.h"
#include "kms/definition_rules.h"
#include "kms/delta.h"
#include "kms/root_policy.h"

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t { kPolicy, kDelta, kComponent, kParameters, kSelectors };

constexpr std::string_view kGoodPolicy =
    "version: 1\ndns_names: [localhost, 127.0.0.1]\nimages:\n  gateway:\n"
    "    - 4700000000000000000000000000000000000000000000000000000000000001\n"
    "tolerated_tcb: [UpToDate]\ninsecure_accept_software_sgx: true\nsoftware_root: AQID\n";

// An accepted policy names a gateway, names for it, and no root without saying so.
void try_policy(ByteView input) {
  const auto policy = kms::parse_root_policy(std::string(as_text(input)));
  if (!policy) return;
  CHECK(!policy->gateways.empty() && !policy->tcb_statuses.empty());
  CHECK(!policy->dns_names.empty() || !policy->ip_addresses.empty());
  CHECK(!policy->tcb_statuses.contains(attest::TcbStatus::kRevoked));
  CHECK(policy->trust.insecure_accept_software_sgx || policy->trust.software_root_der.empty());
  CHECK(as_text(input).find("insecure_accept_software_sgx") != std::string_view::npos ||
        !policy->trust.insecure_accept_software_sgx);
}

// The canonical form of a component is its own canonical form, and stays in its namespace.
void try_component(ByteView input) {
  const auto canonical = kms::parse_component(as_text(input), "ns");
  if (!canonical) return;
  CHECK(canonical->starts_with("/ns/"));
  const auto again = kms::parse_component(*canonical, "ns");
  CHECK(again && *again == *canonical);
}

kms::Delta some_delta() {
  kms::Delta delta;
  delta.revision = 1;
  delta.deployment.emplace().ca_certificate = {1, 2};
  delta.namespaces.emplace_back().name = "ns";
  delta.users.emplace_back().uuid = "u";
  delta.actions.emplace_back().name = "a";
  delta.chains.emplace_back().steps.resize(2);
  delta.retired.emplace_back();
  return delta;
}

}  // namespace

std::vector<Bytes> seeds() {
  return {tagged(kPolicy, as_bytes(kGoodPolicy)), tagged(kDelta, encode(some_delta())),
          tagged(kComponent, as_bytes("/_/a b.c")),
          tagged(kParameters, as_bytes(R"([{"key":"a","value":{"b":[1]}}])"))};
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kPolicy:
      try_policy(input);
      break;
    case kDelta:
      check_one_encoding(input, clemmys::kms::decode_delta);
      break;
    case kComponent:
      try_component(input);
      break;
    default:
      for (const std::string_view kind : {clemmys::wire::kNativeKind, std::string_view("nodejs:20")}) {
        clemmys::wire::Action action;
        action.kind = kind;
        action.parameters_json = clemmys::as_text(input);
        (void)clemmys::kms::merge_parameters(action, clemmys::kms::ParameterUse::kCall);
      }
      break;
  }
  return 0;
}
