// Pages that change while the enclave lives: EAUG, EACCEPT, EACCEPTCOPY, EMODPR, EMODPE, EMODT, EREMOVE; and
// permissions.
#include <gtest/gtest.h>

#include <thread>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

using sgx::SgxError;
using sgx::UserLeaf;

constexpr std::uint64_t kRw = sgx::kSecinfoRead | sgx::kSecinfoWrite;
constexpr std::uint64_t kSecinfoAt = kData + 0x800;
const sgx::SecinfoFlags kPendingPage = sgx::secinfo_regular(kRw | sgx::kSecinfoPending);

std::unique_ptr<Enclave> make() { return build(test_platform()); }

// page_leaf runs a leaf with SECINFO in RBX and a page in RCX; RAX, or ~0 after a fault (then the thread is
// spent).
std::uint64_t page_leaf(Enclave& enclave, UserLeaf number, sgx::SecinfoFlags flags, std::uint64_t offset,
                        std::uint64_t rdx = 0, std::uint64_t thread = 0) {
  sgx::Secinfo secinfo{};
  secinfo.flags = flags;
  copy_in(enclave, kSecinfoAt, {reinterpret_cast<const std::uint8_t*>(&secinfo), sizeof secinfo});
  const Outcome outcome =
      leaf(enclave, number, enclave.base() + kSecinfoAt, enclave.base() + offset, rdx, thread);
  EXPECT_TRUE(outcome.status);
  return outcome.run.exit == Exit::kExit ? outcome.run.rdi : ~std::uint64_t{0};
}
std::uint64_t accept(Enclave& enclave, std::uint64_t offset, sgx::SecinfoFlags flags = kPendingPage,
                     std::uint64_t thread = 0) {
  return page_leaf(enclave, UserLeaf::kEaccept, flags, offset, 0, thread);
}

// faults: does the command end in a page fault? Skips the instruction, so the thread stays usable.
bool faults(Enclave& enclave, Command command, std::uint64_t offset, std::uint64_t skip) {
  if (call(enclave, command, enclave.base() + offset).run.exit == Exit::kExit) return false;
  EXPECT_EQ(sgx::exitinfo_vector(handle(enclave, skip).exitinfo), 14);
  EXPECT_EQ(resume(enclave).run.exit, Exit::kExit);
  return true;
}
bool readable(Enclave& enclave, std::uint64_t offset) { return !faults(enclave, Command::kRead, offset, 3); }
bool writable(Enclave& enclave, std::uint64_t offset) { return !faults(enclave, Command::kWrite, offset, 3); }

TEST(Permissions, AreThoseOfEadd) {
  auto enclave = make();
  EXPECT_TRUE(readable(*enclave, 0));
  EXPECT_FALSE(writable(*enclave, 0));
  EXPECT_TRUE(writable(*enclave, kData));
  EXPECT_TRUE(readable(*enclave, kReadOnly));
  EXPECT_FALSE(writable(*enclave, kReadOnly));
  EXPECT_FALSE(readable(*enclave, tcs_offset(0)));
  EXPECT_FALSE(writable(*enclave, tcs_offset(3)));
}

TEST(Permissions, DataIsNotExecutable) {
  auto enclave = make();
  copy_in(*enclave, kData, Bytes{0xc3});
  const Outcome outcome = call(*enclave, Command::kExecute, enclave->base() + kData);
  ASSERT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 14);
  EXPECT_TRUE(outcome.run.exception_error_code & sgx::kPfFetch);
}

TEST(Augment, PageIsUsableOnlyAfterAccept) {
  auto enclave = make();
  ASSERT_TRUE(enclave->augment(kDynamic, 4 * sgx::kPageSize));
  EXPECT_FALSE(readable(*enclave, kDynamic));
  EXPECT_EQ(accept(*enclave, kDynamic), 0u);
  EXPECT_TRUE(readable(*enclave, kDynamic));
  EXPECT_TRUE(writable(*enclave, kDynamic));
  EXPECT_FALSE(readable(*enclave, kDynamic + sgx::kPageSize));
  EXPECT_EQ(copy_out(*enclave, kDynamic + 8, 64), Bytes(64, 0));
}

TEST(Augment, FaultOnAPendingPageSaysSgx) {
  auto enclave = make();
  ASSERT_TRUE(enclave->augment(kDynamic, sgx::kPageSize));
  const Outcome outcome = call(*enclave, Command::kRead, enclave->base() + kDynamic);
  ASSERT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 14);
  EXPECT_TRUE(outcome.run.exception_error_code & sgx::kPfSgx);
}

TEST(Augment, TouchingAnAbsentPageMakesItPending) {
  auto enclave = make();
  EXPECT_FALSE(readable(*enclave, kDynamic));
  EXPECT_EQ(accept(*enclave, kDynamic), 0u);
  EXPECT_TRUE(readable(*enclave, kDynamic));
}

TEST(Augment, AcceptOfAnAbsentPageAugmentsIt) {
  auto enclave = make();
  EXPECT_EQ(accept(*enclave, kDynamic), 0u);
  EXPECT_TRUE(writable(*enclave, kDynamic));
}

TEST(Accept, RefusesOtherAttributesAndASecondTime) {
  auto enclave = make();
  constexpr auto kMismatch = static_cast<std::uint64_t>(SgxError::kPageAttributesMismatch);
  ASSERT_TRUE(enclave->augment(kDynamic, sgx::kPageSize));
  EXPECT_EQ(accept(*enclave, kDynamic, sgx::secinfo_regular(7 | sgx::kSecinfoPending)), kMismatch);
  EXPECT_EQ(accept(*enclave, kDynamic), 0u);
  EXPECT_EQ(accept(*enclave, kDynamic), kMismatch);
  EXPECT_EQ(accept(*enclave, kData), kMismatch);
}

TEST(Accept, PageOutsideIsGeneralProtection) {
  auto enclave = make();
  EXPECT_EQ(accept(*enclave, kSize), ~std::uint64_t{0});
  EXPECT_EQ(accept(*enclave, kDynamic + 8, kPendingPage, 1), ~std::uint64_t{0});
}

TEST(Accept, ScatteredPagesCostNoMappings) {
  auto enclave = make();
  for (std::uint64_t offset = kDynamic; offset < kSize; offset += 2 * sgx::kPageSize) {
    ASSERT_EQ(accept(*enclave, offset), 0u);
    ASSERT_TRUE(writable(*enclave, offset));
  }
  EXPECT_FALSE(readable(*enclave, kDynamic + sgx::kPageSize));
}

TEST(Accept, ThreadsAcceptInParallel) {
  auto enclave = make();
  ASSERT_TRUE(enclave->augment(kDynamic, kSize - kDynamic));
  sgx::Secinfo secinfo{};
  secinfo.flags = kPendingPage;
  copy_in(*enclave, kSecinfoAt, {reinterpret_cast<const std::uint8_t*>(&secinfo), sizeof secinfo});
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t offset = kDynamic + t * sgx::kPageSize; offset < kSize; offset += 4 * sgx::kPageSize)
        if (leaf(*enclave, UserLeaf::kEaccept, enclave->base() + kSecinfoAt, enclave->base() + offset, 0, t)
                .run.rdi != 0)
          ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(writable(*enclave, kSize - sgx::kPageSize));
}

TEST(AcceptCopy, MakesAnExecutablePageFromData) {
  auto enclave = make();
  const Bytes code = {0xbf, 0x21, 0x43, 0x00, 0x00, 0xc3};  // mov $0x4321, %edi; ret
  ASSERT_EQ(accept(*enclave, kDynamic), 0u);
  copy_in(*enclave, kDynamic, code);
  ASSERT_TRUE(enclave->augment(kDynamic + sgx::kPageSize, sgx::kPageSize));
  EXPECT_EQ(page_leaf(*enclave, UserLeaf::kEacceptcopy,
                      sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoExecute),
                      kDynamic + sgx::kPageSize, enclave->base() + kDynamic),
            0u);
  EXPECT_EQ(call(*enclave, Command::kExecute, enclave->base() + kDynamic + sgx::kPageSize).run.rdi, 0x4321u);
  EXPECT_FALSE(writable(*enclave, kDynamic + sgx::kPageSize));
}

TEST(ModifyPermissions, RestrictTakesEffectAndIsAccepted) {
  auto enclave = make();
  ASSERT_EQ(accept(*enclave, kDynamic), 0u);
  ASSERT_TRUE(
      enclave->restrict_permissions(kDynamic, sgx::kPageSize, sgx::secinfo_regular(sgx::kSecinfoRead)));
  EXPECT_FALSE(writable(*enclave, kDynamic));
  EXPECT_EQ(accept(*enclave, kDynamic, sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoRestricted)),
            0u);
  EXPECT_TRUE(readable(*enclave, kDynamic));
  EXPECT_FALSE(writable(*enclave, kDynamic));
}

TEST(ModifyPermissions, OnlyTheEnclaveExtends) {
  auto enclave = make();
  ASSERT_EQ(accept(*enclave, kDynamic), 0u);
  copy_in(*enclave, kDynamic, Bytes{0xbf, 0x21, 0x43, 0x00, 0x00, 0xc3});
  (void)page_leaf(*enclave, UserLeaf::kEmodpe, sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoExecute),
                  kDynamic);
  ASSERT_TRUE(enclave->restrict_permissions(kDynamic, sgx::kPageSize,
                                            sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoExecute)));
  ASSERT_EQ(accept(*enclave, kDynamic,
                   sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoExecute | sgx::kSecinfoRestricted)),
            0u);
  EXPECT_EQ(call(*enclave, Command::kExecute, enclave->base() + kDynamic).run.rdi, 0x4321u);
  // Asking EMODPR for more than the page has adds nothing.
  ASSERT_TRUE(enclave->restrict_permissions(kDynamic, sgx::kPageSize, sgx::secinfo_regular(7)));
  EXPECT_FALSE(writable(*enclave, kDynamic));
}

TEST(Trim, FreesAPageForAugmentingAgain) {
  auto enclave = make();
  ASSERT_EQ(accept(*enclave, kDynamic), 0u);
  copy_in(*enclave, kDynamic, Bytes(32, 0xaa));
  EXPECT_FALSE(enclave->remove_pages(kDynamic, sgx::kPageSize));
  ASSERT_TRUE(enclave->modify_type(kDynamic, sgx::kPageSize, sgx::PageType::kTrim));
  EXPECT_FALSE(readable(*enclave, kDynamic));
  EXPECT_FALSE(enclave->remove_pages(kDynamic, sgx::kPageSize));  // the enclave has not accepted
  ASSERT_EQ(accept(*enclave, kDynamic, sgx::secinfo_flags(sgx::PageType::kTrim, sgx::kSecinfoModified)), 0u);
  ASSERT_TRUE(enclave->remove_pages(kDynamic, sgx::kPageSize));
  ASSERT_TRUE(enclave->augment(kDynamic, sgx::kPageSize));
  ASSERT_EQ(accept(*enclave, kDynamic), 0u);
  EXPECT_EQ(copy_out(*enclave, kDynamic, 32), Bytes(32, 0));
}

TEST(ModifyType, APageBecomesAThread) {
  auto enclave = make();
  const std::uint64_t tcs_at = kDynamic, thread = (kDynamic - kThreads) / kThreadStride;
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_EQ(accept(*enclave, tcs_at + i * sgx::kPageSize), 0u);
  sgx::Tcs tcs{};
  tcs.ossa = tcs_at + sgx::kPageSize;
  tcs.nssa = 2;
  tcs.ofsbase = tcs.ogsbase = kData;
  tcs.fslimit = tcs.gslimit = ~0u;
  copy_in(*enclave, tcs_at, {reinterpret_cast<const std::uint8_t*>(&tcs), sizeof tcs});
  ASSERT_TRUE(enclave->modify_type(tcs_at, sgx::kPageSize, sgx::PageType::kTcs));
  EXPECT_FALSE(call(*enclave, Command::kEcho, 1, 1, 0, 0, thread).status);
  ASSERT_EQ(accept(*enclave, tcs_at, sgx::secinfo_flags(sgx::PageType::kTcs, sgx::kSecinfoModified)), 0u);
  EXPECT_EQ(call(*enclave, Command::kEcho, 1, 1, 0, 0, thread).run.rdi, 2u);
  EXPECT_FALSE(readable(*enclave, tcs_at));
}

TEST(Changes, RefuseBadRanges) {
  auto enclave = make();
  EXPECT_FALSE(enclave->augment(kDynamic + 1, sgx::kPageSize));
  EXPECT_FALSE(enclave->augment(kDynamic, kSize));
  EXPECT_FALSE(enclave->augment(kDynamic, 0));
  EXPECT_FALSE(enclave->augment(~std::uint64_t{0} << 12, sgx::kPageSize));
  EXPECT_FALSE(enclave->restrict_permissions(kDynamic, sgx::kPageSize, sgx::secinfo_regular(1)));  // absent
  EXPECT_FALSE(enclave->restrict_permissions(kData, sgx::kPageSize, sgx::secinfo_regular(2)));  // W without R
  EXPECT_FALSE(enclave->modify_type(kDynamic, sgx::kPageSize, sgx::PageType::kTrim));
  EXPECT_FALSE(enclave->modify_type(kData, sgx::kPageSize, sgx::PageType::kSecs));
}

}  // namespace
}  // namespace clemmys::enclave::conformance
