// test_attester.h: attestation in an ordinary process, for tests: a throw-away software root, its collateral,
// and attesters that make genuine quotes under it for any identity a test wants. Everything goes through the
// real verifier.
#pragma once

#include <memory>

#include "attest/attester.h"
#include "attest/software/authority.h"
#include "attest/verifier.h"
#include "sgx/arch.h"

namespace clemmys::attest::testing {

struct TestIdentity {
  Measurement measurement;
  SignerId signer;
  std::uint16_t product_id = 1, security_version = 1;
  bool debug = false;
  std::uint64_t more_attributes = 0, xfrm = sgx::kXfrmLegacy;
};

// TestRoot is one software machine with its authority and a certified quoting key. Attesters keep what they
// need alive.
class TestRoot {
 public:
  TestRoot();  // issued at the system's time
  explicit TestRoot(std::uint64_t now_unix_s);
  TestRoot(TestRoot&&) noexcept;
  ~TestRoot();

  std::uint64_t now_unix_s() const;  // a time at which all documents are valid
  Trust trust() const;               // accepts exactly this root
  Collateral collateral() const;
  // issue is what collateral() uses: change it, then issue other documents through authority().
  software::Issue issue() const;
  const software::Authority& authority() const;

  // attester may be used by any thread.
  std::unique_ptr<Attester> attester(const TestIdentity& identity) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace clemmys::attest::testing
