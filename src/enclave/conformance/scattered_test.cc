// Page presence costs no mapping: far more scattered pages than the kernel allows mappings (vm.max_map_count,
// 65,530).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

TEST(ScatteredPages, AMillionInOneRange) {
  constexpr std::uint64_t kPages = 1'000'000, kStride = 37 * sgx::kPageSize;
  auto enclave = build(test_platform(), {.size = 256ull << 30});
  sgx::Secinfo secinfo{};
  secinfo.flags = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite | sgx::kSecinfoPending);
  copy_in(*enclave, kData + 0x800, {reinterpret_cast<const std::uint8_t*>(&secinfo), sizeof secinfo});
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kPages; ++i) {
    const std::uint64_t offset = kDynamic + i * kStride;
    ASSERT_TRUE(enclave->augment(offset, sgx::kPageSize));
    ASSERT_EQ(
        leaf(*enclave, sgx::UserLeaf::kEaccept, enclave->base() + kData + 0x800, enclave->base() + offset)
            .run.rdi,
        0u)
        << i;
  }
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
  std::printf("EAUG + EENTER + EACCEPT + EEXIT: %.2f us per page\n", taken.count() / kPages);
  for (std::uint64_t i = 0; i < kPages; i += 997) {
    const std::uint64_t address = enclave->base() + kDynamic + i * kStride;
    ASSERT_EQ(call(*enclave, Command::kWrite, address, i + 1).run.exit, Exit::kExit);
    ASSERT_EQ(call(*enclave, Command::kRead, address).run.rdi, i + 1);
  }
  const Outcome between = call(*enclave, Command::kRead, enclave->base() + kDynamic + sgx::kPageSize);
  EXPECT_EQ(between.run.exit, Exit::kFault);
}

}  // namespace
}  // namespace clemmys::enclave::conformance
