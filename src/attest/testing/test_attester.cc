#include "attest/testing/test_attester.h"

#include <algorithm>

#include "attest/quote_maker.h"
#include "base/check.h"
#include "base/clock.h"

namespace clemmys::attest::testing {
namespace {

constexpr software::CpuSvn kCpuSvn = {1, 1};
constexpr std::uint16_t kQuotingProductId = 1, kQuotingSecurityVersion = 1;

// must unwraps where failing is a bug of the test library.
template <typename T>
T must(Result<T> result) {
  CHECK(result.has_value());
  return std::move(*result);
}

SignerId quoting_signer() {
  SignerId signer;
  signer.bytes.fill(0x51);
  return signer;
}

sgx::ReportBody report_of(const TestIdentity& identity, const ReportData& report_data) {
  sgx::ReportBody body{};
  std::ranges::copy(kCpuSvn, body.cpusvn);
  body.attributes = {sgx::kAttributeInit | sgx::kAttributeMode64 | identity.more_attributes |
                         (identity.debug ? sgx::kAttributeDebug : 0),
                     identity.xfrm};
  std::ranges::copy(identity.measurement.bytes, body.mrenclave);
  std::ranges::copy(identity.signer.bytes, body.mrsigner);
  body.isvprodid = identity.product_id;
  body.isvsvn = identity.security_version;
  std::ranges::copy(report_data.bytes, body.reportdata);
  return body;
}

}  // namespace

struct TestRoot::State {
  std::uint64_t now_unix_s;
  software::Authority authority;
  QuoteMaker maker;
};

namespace {

class TestAttester final : public Attester {
 public:
  TestAttester(std::shared_ptr<const void> owner, const QuoteMaker& maker, const TestIdentity& identity)
      : owner_(std::move(owner)), maker_(maker), identity_(identity) {}
  Result<Bytes> evidence(const ReportData& report_data) override {
    return maker_.quote(report_of(identity_, report_data));
  }

 private:
  std::shared_ptr<const void> owner_;
  const QuoteMaker& maker_;
  TestIdentity identity_;
};

}  // namespace

TestRoot::TestRoot() : TestRoot(SystemClock().unix_ms() / 1000) {}
TestRoot::TestRoot(std::uint64_t now_unix_s) {
  auto authority = must(software::Authority::generate(kCpuSvn, now_unix_s));
  QuoteMaker maker(must(P256Key::generate()), to_bytes("test"));
  const TestIdentity quoting{{}, quoting_signer(), kQuotingProductId, kQuotingSecurityVersion, false};
  const sgx::ReportBody report = report_of(quoting, maker.qe_report_data());
  CHECK(maker.certify(report, must(authority.sign_qe_report(report)), to_bytes(authority.pck_chain_pem()))
            .has_value());
  state_ = std::make_shared<const State>(now_unix_s, std::move(authority), std::move(maker));
}
TestRoot::TestRoot(TestRoot&&) noexcept = default;
TestRoot::~TestRoot() = default;

std::uint64_t TestRoot::now_unix_s() const { return state_->now_unix_s; }
Trust TestRoot::trust() const {
  return {.insecure_accept_software_sgx = true, .software_root_der = state_->authority.root_der()};
}
const software::Authority& TestRoot::authority() const { return state_->authority; }

software::Issue TestRoot::issue() const {
  software::Issue issue;
  issue.quoting = {quoting_signer(), kQuotingProductId, kQuotingSecurityVersion};
  issue.now_unix_s = state_->now_unix_s;
  return issue;
}
Collateral TestRoot::collateral() const { return must(state_->authority.collateral(issue())); }

std::unique_ptr<Attester> TestRoot::attester(const TestIdentity& identity) const {
  return std::make_unique<TestAttester>(state_, state_->maker, identity);
}

}  // namespace clemmys::attest::testing
