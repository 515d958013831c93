#include "kms/admission.h"

#include "sgx/arch.h"

namespace clemmys::kms {
namespace {

// The measurement covers neither ATTRIBUTES nor XFRM: whoever signs the image anew chooses them. The shield
// scrubs x87, SSE and AVX at each exit; an enclave with more state, or with more rights, is not the one that
// was meant.
constexpr std::uint64_t kAttributesMax = sgx::kAttributeInit | sgx::kAttributeMode64 | sgx::kAttributeKss;
constexpr std::uint64_t kXfrmMax = 7;

}  // namespace

Result<attest::Identity> admit(const wire::SessionHello& hello, const Nonces& nonces,
                               const AdmissionRules& rules, std::uint64_t now_unix_ms) {
  TRY(nonces.check(hello.nonce, now_unix_ms));  // first: it is cheap
  auto identity = rules.verifier.verify(hello.evidence, now_unix_ms / 1000);
  if (!identity) return Error{ErrorCode::kDenied, "kms.admission.evidence", to_string(identity.error())};
  const auto expected = wire::session_report_data(hello.role, hello.client, hello.nonce);
  if (!equal_constant_time(identity->report_data.view(), expected.view())) {
    return Error{ErrorCode::kDenied, "kms.admission.report_data"};
  }
  if (identity->debug) return Error{ErrorCode::kDenied, "kms.admission.debug"};
  if ((identity->attributes & ~kAttributesMax) != 0 || (identity->xfrm & ~kXfrmMax) != 0)
    return Error{ErrorCode::kDenied, "kms.admission.attributes"};
  if (!rules.policy.tcb_statuses.contains(identity->tcb_status))
    return Error{ErrorCode::kDenied, "kms.admission.tcb"};
  switch (hello.role) {
    case wire::Role::kGateway:
      if (!rules.policy.gateways.contains(identity->measurement)) break;
      return identity;
    case wire::Role::kFunction:
      if (rules.policy.is_generic(identity->measurement)) {
        if (identity->product_id != kGenericProductId)
          return Error{ErrorCode::kDenied, "kms.admission.generic"};
        return identity;
      }
      if (!rules.state.image_is_deployed(identity->measurement)) break;
      return identity;
  }
  return Error{ErrorCode::kDenied, "kms.admission.measurement"};
}

}  // namespace clemmys::kms
