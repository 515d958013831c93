// Each fault and error code of the SGX2 leaves, EEXIT and ERESUME, one by one. Source: Intel SDM volume 3D,
// the section of each leaf.
#include <gtest/gtest.h>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

using sgx::PageType;
using sgx::SecinfoFlags;
using sgx::SgxError;
using sgx::UserLeaf;

constexpr std::uint64_t kRw = sgx::kSecinfoRead | sgx::kSecinfoWrite, kSecinfoAt = kData + 0x800;
constexpr std::uint64_t kGeneralProtection = 1000 + 13, kPageFault = 1000 + 14;  // beside RAX
const SecinfoFlags kNew = sgx::secinfo_regular(kRw | sgx::kSecinfoPending);
const auto kMismatch = static_cast<std::uint64_t>(SgxError::kPageAttributesMismatch);

struct Leaves : ::testing::Test {
  std::unique_ptr<Enclave> enclave = build(test_platform());

  void put(const sgx::Secinfo& secinfo) {
    copy_in(*enclave, kSecinfoAt, {reinterpret_cast<const std::uint8_t*>(&secinfo), sizeof secinfo});
  }
  // run gives RAX, or 1000 and the vector; the instruction is skipped, so the thread goes on.
  std::uint64_t run(UserLeaf number, std::uint64_t rbx, std::uint64_t rcx, std::uint64_t rdx = 0) {
    const Outcome outcome = leaf(*enclave, number, rbx, rcx, rdx);
    EXPECT_TRUE(outcome.status);
    if (outcome.run.exit == Exit::kExit) return outcome.run.rdi;
    handle(*enclave, sizeof sgx::kEncluBytes);
    EXPECT_EQ(resume(*enclave).run.exit, Exit::kExit);
    return 1000 + outcome.run.exception_vector;
  }
  std::uint64_t run(UserLeaf number, SecinfoFlags flags, std::uint64_t offset, std::uint64_t source = 0) {
    put({.flags = flags, .reserved = {}});
    return run(number, at(kSecinfoAt), at(offset), source == 0 ? 0 : at(source));
  }
  std::uint64_t at(std::uint64_t offset) const { return enclave->base() + offset; }
};

TEST_F(Leaves, SecinfoMustBeInsideAlignedReadableAndClean) {
  ASSERT_EQ(run(UserLeaf::kEaccept, kNew, kDynamic), 0u);
  alignas(64) static const sgx::Secinfo outside{.flags = kNew, .reserved = {}};
  for (const UserLeaf number : {UserLeaf::kEaccept, UserLeaf::kEacceptcopy, UserLeaf::kEmodpe}) {
    EXPECT_EQ(run(number, at(kSecinfoAt + 8), at(kDynamic), at(kData)), kGeneralProtection);
    EXPECT_EQ(run(number, reinterpret_cast<std::uint64_t>(&outside), at(kDynamic), at(kData)),
              kGeneralProtection);
    EXPECT_EQ(run(number, at(tcs_offset(3)), at(kDynamic), at(kData)), kPageFault);
    sgx::Secinfo dirty{.flags = kNew, .reserved = {}};
    dirty.reserved[55] = 1;
    put(dirty);
    EXPECT_EQ(run(number, at(kSecinfoAt), at(kDynamic), at(kData)), kGeneralProtection);
    put({.flags = {kNew.bits | 1ull << 33}, .reserved = {}});
    EXPECT_EQ(run(number, at(kSecinfoAt), at(kDynamic), at(kData)), kGeneralProtection);
  }
}

TEST_F(Leaves, TheirPageMustBeAlignedAndInside) {
  for (const UserLeaf number : {UserLeaf::kEaccept, UserLeaf::kEacceptcopy, UserLeaf::kEmodpe}) {
    EXPECT_EQ(run(number, kNew, kDynamic + 64, kData), kGeneralProtection);
    EXPECT_EQ(run(number, kNew, kSize, kData), kGeneralProtection);
  }
}

TEST_F(Leaves, EacceptRefusesFlagsThatNoChangeMakes) {
  for (const std::uint64_t states : {std::uint64_t{0}, std::uint64_t{sgx::kSecinfoModified}})
    EXPECT_EQ(run(UserLeaf::kEaccept, sgx::secinfo_regular(kRw | states), kDynamic), kGeneralProtection);
  EXPECT_EQ(run(UserLeaf::kEaccept, sgx::secinfo_flags(PageType::kTrim, 0), kDynamic), kGeneralProtection);
  EXPECT_EQ(run(UserLeaf::kEaccept, sgx::secinfo_flags(PageType::kSecs, sgx::kSecinfoModified), kDynamic),
            kGeneralProtection);
}

TEST_F(Leaves, EacceptOfATcsChecksItsFields) {
  ASSERT_EQ(run(UserLeaf::kEaccept, kNew, kDynamic), 0u);  // zeros: no SSA frames
  ASSERT_TRUE(enclave->modify_type(kDynamic, sgx::kPageSize, PageType::kTcs));
  EXPECT_EQ(run(UserLeaf::kEaccept, sgx::secinfo_flags(PageType::kTcs, sgx::kSecinfoModified), kDynamic),
            kGeneralProtection);
}

TEST_F(Leaves, EacceptcopyWantsANewPageAndAReadableSource) {
  const SecinfoFlags read = sgx::secinfo_regular(sgx::kSecinfoRead);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, read, kData + sgx::kPageSize, kData), kMismatch);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, read, tcs_offset(2), kData), kMismatch);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, read, kDynamic, tcs_offset(2)), kPageFault);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, read, kDynamic, kData + 64), kGeneralProtection);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, kNew, kDynamic, kData), kGeneralProtection);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, sgx::secinfo_regular(sgx::kSecinfoWrite), kDynamic, kData),
            kGeneralProtection);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, sgx::secinfo_tcs(), kDynamic, kData), kGeneralProtection);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, read, kDynamic, kData), 0u);
  EXPECT_EQ(run(UserLeaf::kEacceptcopy, read, kDynamic, kData), kMismatch);
}

TEST_F(Leaves, EmodpeWantsASettledRegularPage) {
  const SecinfoFlags all = sgx::secinfo_regular(7);
  EXPECT_EQ(run(UserLeaf::kEmodpe, all, kDynamic), kPageFault);
  ASSERT_TRUE(enclave->augment(kDynamic, sgx::kPageSize));
  EXPECT_EQ(run(UserLeaf::kEmodpe, all, kDynamic), kPageFault);  // PENDING
  EXPECT_EQ(run(UserLeaf::kEmodpe, all, tcs_offset(2)), kPageFault);
  ASSERT_EQ(run(UserLeaf::kEaccept, kNew, kDynamic), 0u);
  ASSERT_TRUE(enclave->modify_type(kDynamic, sgx::kPageSize, PageType::kTrim));
  EXPECT_EQ(run(UserLeaf::kEmodpe, all, kDynamic), kPageFault);  // MODIFIED
}

TEST_F(Leaves, EexitWantsACanonicalTarget) {
  EXPECT_EQ(run(UserLeaf::kEexit, 0x8000000000000000, 0), kGeneralProtection);
}

TEST_F(Leaves, UnknownOnesAreGeneralProtection) {
  EXPECT_EQ(run(static_cast<UserLeaf>(0x40), at(kData), at(kData)), kGeneralProtection);
}

// The enclave alters its own saved state: ERESUME must not load what no processor could have saved.
TEST_F(Leaves, EresumeRefusesAStateThatCannotBe) {
  const std::uint64_t frame = tcs_offset(1) + sgx::kPageSize, header = frame + 512;
  ASSERT_EQ(call(*enclave, Command::kInvalid, 0, 0, 0, 0, 1).run.exit, Exit::kFault);
  ASSERT_EQ(call(*enclave, Command::kWrite, at(header), 0x80).run.exit,
            Exit::kExit);  // a component outside XFRM
  const Outcome bad = resume(*enclave, 1);
  EXPECT_TRUE(!bad.status || bad.run.exception_vector == 13);
  ASSERT_EQ(call(*enclave, Command::kWrite, at(header), 0).run.exit, Exit::kExit);
  ASSERT_EQ(call(*enclave, Command::kWrite, at(header + 8), 1).run.exit, Exit::kExit);  // XCOMP_BV
  const Outcome compact = resume(*enclave, 1);
  EXPECT_TRUE(!compact.status || compact.run.exception_vector == 13);
}

TEST_F(Leaves, EveryFrameOfATcsCanBeUsedAndNoMore) {
  ASSERT_EQ(call(*enclave, Command::kInvalid).run.exit, Exit::kFault);
  enclave::Run nested{.tcs = at(tcs_offset(0)), .rsi = 0};
  ASSERT_TRUE(enclave->enter(nested));  // the second of two frames
  ASSERT_EQ(nested.exit, Exit::kExit);
}

Variant keyed(std::uint8_t configuration) {
  return {.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeKss, .configuration = configuration};
}

TEST(KeySeparation, ConfigidSeparatesKeysAndShowsInTheReport) {
  const auto key = [](std::uint8_t configuration) {
    auto enclave = build(test_platform(), keyed(configuration));
    sgx::KeyRequest request{};
    request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kSeal);
    request.keypolicy = sgx::kKeyPolicyMrsigner | sgx::kKeyPolicyConfigid;
    request.configsvn = 1;
    copy_in(*enclave, kData, {reinterpret_cast<const std::uint8_t*>(&request), sizeof request});
    EXPECT_EQ(
        leaf(*enclave, UserLeaf::kEgetkey, enclave->base() + kData, enclave->base() + kData + 0x400).run.rdi,
        0u);
    return copy_out(*enclave, kData + 0x400, 16);
  };
  EXPECT_EQ(key(3), key(3));
  EXPECT_NE(key(3), key(4));
}

TEST(KeySeparation, AnOlderConfigurationHasNoKeyOfANewerOne) {
  auto enclave = build(test_platform(), keyed(3));  // CONFIGSVN 3
  sgx::KeyRequest request{};
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kSeal);
  request.keypolicy = sgx::kKeyPolicyMrsigner | sgx::kKeyPolicyConfigid;
  request.configsvn = 4;
  copy_in(*enclave, kData, {reinterpret_cast<const std::uint8_t*>(&request), sizeof request});
  EXPECT_EQ(
      leaf(*enclave, UserLeaf::kEgetkey, enclave->base() + kData, enclave->base() + kData + 0x400).run.rdi,
      static_cast<std::uint64_t>(SgxError::kInvalidIsvsvn));
}

}  // namespace
}  // namespace clemmys::enclave::conformance
