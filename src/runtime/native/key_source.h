// key_source.h: where a step's keys come from: the attested session with the key service, relayed by the
// invoker as opaque frames. An enclave accepts one key service in its lifetime: the session is opened once
// and never again.
#pragma once

#include <memory>
#include <optional>

#include "attest/attester.h"
#include "runtime/native/link.h"
#include "wire/kms_api.h"

namespace clemmys::runtime {

class KeySource {
 public:
  KeySource(Link& link, attest::Attester& attester) : link_(link), attester_(attester) {}

  // open attests this enclave; call once.
  Status open();
  // step_keys asks for one step's keys. kDenied and others as the key service refuses. kCorrupt ends the
  // session for good.
  Result<wire::StepKeys> step_keys(const wire::GetStepKeys& request);
  // time_floor_unix_ms is the highest time the key service has vouched for.
  std::uint64_t time_floor_unix_ms() const { return time_floor_unix_ms_; }

 private:
  Result<Bytes> relay(wire::KmsFrame type, ByteView body);

  Link& link_;
  attest::Attester& attester_;
  std::optional<wire::SessionCipher> session_;
  std::uint64_t time_floor_unix_ms_ = 0;
};

}  // namespace clemmys::runtime
