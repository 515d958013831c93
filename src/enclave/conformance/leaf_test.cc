// Reports and keys: EREPORT, EGETKEY.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

using sgx::SgxError;
using sgx::UserLeaf;

constexpr std::uint64_t kTarget = kData, kReportData = kData + 0x200, kReport = kData + 0x400,
                        kRequest = kData + 0x800, kKey = kData + 0xa00;

template <typename T>
Bytes bytes_of(const T& value) {
  return to_bytes(ByteView(reinterpret_cast<const std::uint8_t*>(&value), sizeof value));
}
template <typename T>
T value_of(const Bytes& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

Bytes cmac(ByteView key, ByteView message) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  char cipher[] = "AES-128-CBC";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                                   OSSL_PARAM_construct_end()};
  Bytes out(16);
  std::size_t size = 0;
  EXPECT_TRUE(EVP_MAC_init(context, key.data(), key.size(), parameters) &&
              EVP_MAC_update(context, message.data(), message.size()) &&
              EVP_MAC_final(context, out.data(), &size, out.size()));
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return out;
}

sgx::TargetInfo target_of(const Variant& variant) {
  sgx::TargetInfo target{};
  std::ranges::copy(measurement(variant).bytes, target.measurement);
  target.attributes = {variant.attribute_flags | sgx::kAttributeInit, 7};
  target.miscselect = sgx::kMiscExinfo;
  return target;
}

sgx::Report report_for(Enclave& enclave, const sgx::TargetInfo& target, std::uint8_t fill = 0x42) {
  copy_in(enclave, kTarget, bytes_of(target));
  copy_in(enclave, kReportData, Bytes(64, fill));
  const Outcome outcome = leaf(enclave, UserLeaf::kEreport, enclave.base() + kTarget,
                               enclave.base() + kReportData, enclave.base() + kReport);
  EXPECT_EQ(outcome.run.exit, Exit::kExit) << outcome.run.exception_vector;
  return value_of<sgx::Report>(copy_out(enclave, kReport, sizeof(sgx::Report)));
}

struct KeyOutcome {
  std::uint64_t rax = 0;
  bool zero_flag = false, faulted = false;
  Bytes key;
};

KeyOutcome key_for(Enclave& enclave, const sgx::KeyRequest& request) {
  copy_in(enclave, kRequest, bytes_of(request));
  const Outcome outcome = leaf(enclave, UserLeaf::kEgetkey, enclave.base() + kRequest, enclave.base() + kKey);
  if (outcome.run.exit == Exit::kFault) {
    EXPECT_EQ(outcome.run.exception_vector, 13);
    return {.faulted = true};
  }
  return {outcome.run.rdi, (outcome.run.rsi & 0x40) != 0, false, copy_out(enclave, kKey, 16)};
}

sgx::KeyRequest seal_request(std::uint16_t policy, std::uint16_t svn = 1) {
  sgx::KeyRequest request{};
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kSeal);
  request.keypolicy = policy;
  request.isvsvn = svn;
  request.attributemask = {~std::uint64_t{0}, ~std::uint64_t{0}};
  return request;
}

Bytes seal_key(const Variant& variant, const sgx::KeyRequest& request) {
  auto enclave = build(test_platform(), variant);
  const KeyOutcome outcome = key_for(*enclave, request);
  EXPECT_EQ(outcome.rax, 0u);
  return outcome.key;
}

TEST(Report, SaysWhatTheEnclaveIs) {
  auto enclave = build(test_platform(), {.security_version = 5, .product_id = 6});
  const sgx::Report report = report_for(*enclave, target_of({}));
  EXPECT_TRUE(
      std::ranges::equal(report.body.mrenclave, measurement({.security_version = 5, .product_id = 6}).bytes));
  EXPECT_TRUE(std::ranges::equal(report.body.mrsigner, sgx::signer_of(sigstruct({})).bytes));
  EXPECT_EQ(report.body.isvsvn, 5);
  EXPECT_EQ(report.body.isvprodid, 6);
  EXPECT_EQ(report.body.attributes.flags, sgx::kAttributeMode64 | sgx::kAttributeInit);
  EXPECT_EQ(report.body.attributes.xfrm, 7u);
  EXPECT_EQ(report.body.reportdata[63], 0x42);
}

TEST(Report, TheTargetAndNobodyElseCanCheckIt) {
  auto author = build(test_platform(), {.mark = 1});
  auto target = build(test_platform(), {.mark = 2});
  auto other = build(test_platform(), {.mark = 3});
  const sgx::Report report = report_for(*author, target_of({.mark = 2}));
  sgx::KeyRequest request{};
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kReport);
  std::ranges::copy(report.keyid, request.keyid);
  const ByteView body(reinterpret_cast<const std::uint8_t*>(&report.body), sizeof report.body);
  EXPECT_TRUE(std::ranges::equal(cmac(key_for(*target, request).key, body), report.mac));
  EXPECT_FALSE(std::ranges::equal(cmac(key_for(*other, request).key, body), report.mac));
}

TEST(Report, OperandsMustBeInsideAlignedAndAccessible) {
  auto enclave = build(test_platform());
  copy_in(*enclave, kTarget, bytes_of(target_of({})));
  const std::uint64_t base = enclave->base();
  alignas(512) static const sgx::TargetInfo outside{};
  struct Case {
    std::uint64_t rbx, rcx, rdx, vector;
  };
  std::uint64_t thread = 0;
  for (const Case& bad :
       {Case{base + kTarget + 8, base + kReportData, base + kReport, 13},
        Case{base + kTarget, base + kReportData + 8, base + kReport, 13},
        Case{base + kTarget, base + kReportData, base + kReport + 16, 13},
        Case{reinterpret_cast<std::uint64_t>(&outside), base + kReportData, base + kReport, 13},
        Case{base + kTarget, base + kReportData, base + kReadOnly, 14},
        Case{base + kTarget, base + kReportData, base + kDynamic, 14}}) {
    const Outcome outcome = leaf(*enclave, UserLeaf::kEreport, bad.rbx, bad.rcx, bad.rdx, thread++);
    ASSERT_EQ(outcome.run.exit, Exit::kFault);
    EXPECT_EQ(outcome.run.exception_vector, bad.vector);
  }
}

TEST(SealKey, DependsOnTheMeasurementWhenAsked) {
  EXPECT_EQ(seal_key({}, seal_request(sgx::kKeyPolicyMrenclave)),
            seal_key({}, seal_request(sgx::kKeyPolicyMrenclave)));
  EXPECT_NE(seal_key({.mark = 1}, seal_request(sgx::kKeyPolicyMrenclave)),
            seal_key({.mark = 2}, seal_request(sgx::kKeyPolicyMrenclave)));
}

TEST(SealKey, IsSharedByASignersEnclavesWhenAsked) {
  EXPECT_EQ(seal_key({.mark = 1}, seal_request(sgx::kKeyPolicyMrsigner)),
            seal_key({.mark = 2}, seal_request(sgx::kKeyPolicyMrsigner)));
  EXPECT_NE(seal_key({.product_id = 1}, seal_request(sgx::kKeyPolicyMrsigner)),
            seal_key({.product_id = 2}, seal_request(sgx::kKeyPolicyMrsigner)));
}

TEST(SealKey, DebugEnclavesGetAnotherEvenWithoutAMask) {
  sgx::KeyRequest request = seal_request(sgx::kKeyPolicyMrsigner);
  request.attributemask = {};
  EXPECT_NE(seal_key({}, request),
            seal_key({.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeDebug}, request));
}

TEST(SealKey, KeyIdSeparatesKeys) {
  sgx::KeyRequest request = seal_request(sgx::kKeyPolicyMrenclave), other = request;
  other.keyid[31] = 1;
  EXPECT_NE(seal_key({}, request), seal_key({}, other));
}

TEST(SealKey, OldVersionsKeysAreOpenAndNewOnesClosed) {
  EXPECT_EQ(seal_key({.security_version = 2}, seal_request(sgx::kKeyPolicyMrsigner, 1)),
            seal_key({.security_version = 1}, seal_request(sgx::kKeyPolicyMrsigner, 1)));
  auto enclave = build(test_platform(), {.security_version = 1});
  const KeyOutcome outcome = key_for(*enclave, seal_request(sgx::kKeyPolicyMrsigner, 2));
  EXPECT_EQ(outcome.rax, static_cast<std::uint64_t>(SgxError::kInvalidIsvsvn));
  EXPECT_TRUE(outcome.zero_flag);
}

TEST(GetKey, RefusesWhatTheManualRefuses) {
  auto enclave = build(test_platform());
  sgx::KeyRequest request = seal_request(sgx::kKeyPolicyMrsigner);
  request.cpusvn[0] = 0xff;
  EXPECT_EQ(key_for(*enclave, request).rax, static_cast<std::uint64_t>(SgxError::kInvalidCpusvn));
  request = seal_request(sgx::kKeyPolicyMrsigner);
  request.keyname = 9;
  EXPECT_EQ(key_for(*enclave, request).rax, static_cast<std::uint64_t>(SgxError::kInvalidKeyname));
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kEinitToken);
  EXPECT_EQ(key_for(*enclave, request).rax, static_cast<std::uint64_t>(SgxError::kInvalidAttribute));
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kProvision);
  EXPECT_EQ(key_for(*enclave, request).rax, static_cast<std::uint64_t>(SgxError::kInvalidAttribute));
}

TEST(GetKey, ReservedBytesAndPoliciesAreGeneralProtection) {
  auto enclave = build(test_platform());
  sgx::KeyRequest request = seal_request(sgx::kKeyPolicyMrsigner);
  request.reserved2[100] = 1;
  EXPECT_TRUE(key_for(*enclave, request).faulted);
  auto second = build(test_platform());
  EXPECT_TRUE(key_for(*second, seal_request(sgx::kKeyPolicyConfigid)).faulted);  // KSS is off
}

TEST(GetKey, ProvisionKeyNeedsItsAttribute) {
  auto enclave =
      build(test_platform(), {.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeProvisionKey});
  sgx::KeyRequest request = seal_request(0);
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kProvision);
  EXPECT_EQ(key_for(*enclave, request).rax, 0u);
}

}  // namespace
}  // namespace clemmys::enclave::conformance
