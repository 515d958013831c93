// What softsgx does otherwise than hardware: one test for each line of docs/softsgx-deviations.md, so that
// the list stays true.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "enclave/conformance/conformance.h"
#include "softsgx/direct_exit.h"

namespace clemmys::enclave {
namespace {

using namespace conformance;

std::unique_ptr<Enclave> make() { return build(test_platform()); }

TEST(Deviation, HostReadsAndWritesInside) {
  auto enclave = make();
  copy_in(*enclave, kData, Bytes{0x41});
  auto* inside = reinterpret_cast<volatile std::uint8_t*>(enclave->base() + kData);
  EXPECT_EQ(*inside, 0x41);  // hardware: 0xff
  *inside = 0x42;            // hardware: dropped
  EXPECT_EQ(copy_out(*enclave, kData, 1), Bytes{0x42});
}

TEST(Deviation, KernelFollowsPointersInside) {
  auto enclave = make();
  copy_in(*enclave, kData, Bytes{0x43});
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(::write(ends[1], reinterpret_cast<const void*>(enclave->base() + kData), 1),
            1);  // hardware: writes 0xff
  std::uint8_t byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_EQ(byte, 0x43);
  ::close(ends[0]);
  ::close(ends[1]);
}

__attribute__((naked)) void outside_function() { asm volatile("mov $0x1234, %edi\n ret\n"); }

TEST(Deviation, InstructionsOutsideRunInside) {
  auto enclave = make();
  const Outcome outcome =
      call(*enclave, Command::kExecute, reinterpret_cast<std::uint64_t>(&outside_function));
  EXPECT_EQ(outcome.run.exit, Exit::kExit);  // hardware: #GP
  EXPECT_EQ(outcome.run.rdi, 0x1234u);
}

TEST(Deviation, CpuidAndXgetbvAreTheHosts) {
  auto enclave = make();
  EXPECT_EQ(call(*enclave, Command::kCpuid).run.exit,
            Exit::kExit);  // hardware: #UD; the packer writes UD2 there
  std::uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  EXPECT_EQ(call(*enclave, Command::kXgetbv).run.rdi, low);  // hardware: XFRM
}

TEST(Deviation, SystemCallHasClobberedRcx) {
  auto enclave = make();
  ASSERT_EQ(call(*enclave, Command::kSystemCall).run.exit, Exit::kFault);
  const std::uint64_t gpr = tcs_offset(0) + 2 * sgx::kPageSize - sizeof(sgx::GprSgx);
  const auto* saved = reinterpret_cast<const sgx::GprSgx*>(enclave->base() + gpr);
  EXPECT_EQ(saved->rcx, saved->rip + 2);  // hardware: as before the instruction
}

TEST(Deviation, UsedEncluSitesReadAsInt3) {
  auto enclave = make();
  const Bytes before = pages({})[0].content;
  const Bytes after = copy_out(*enclave, 0, sgx::kPageSize);  // its own EEXIT comes after the copy
  EXPECT_EQ(after, before);
  const Bytes again = copy_out(*enclave, 0, sgx::kPageSize);
  std::size_t different = 0;
  for (std::size_t i = 0; i < again.size(); ++i) {
    if (again[i] == before[i]) continue;
    ++different;
    EXPECT_EQ(again[i], 0xcc);
    EXPECT_EQ(before[i], 0x0f);
  }
  EXPECT_EQ(different, 1u);
}

TEST(Deviation, MarkedExitIsAJump) {
  constexpr std::size_t kAt = sgx::kPageSize - 64;  // the program is shorter
  std::vector<Page> all = pages({});
  std::ranges::copy(softsgx::kMarkedExit, all[0].content.begin() + kAt);
  auto enclave = build(test_platform(), {}, all);  // EINIT has compared the measurement of the bytes as given
  const Bytes loaded = copy_out(*enclave, kAt, softsgx::kMarkedExit.size());
  Bytes expected(softsgx::kMarkedExit.begin(), softsgx::kMarkedExit.end());
  std::ranges::copy(softsgx::kJumpToRbx, expected.begin() + softsgx::kMarkSize);
  EXPECT_EQ(loaded, expected);
}

__attribute__((naked)) void segment_load() {
  asm volatile("mov %ds, %eax\n mov %eax, %ds\n mov $0x4321, %edi\n ret\n");
}

TEST(Deviation, SegmentLoadsRunInside) {
  auto enclave = make();
  const Outcome outcome = call(*enclave, Command::kExecute, reinterpret_cast<std::uint64_t>(&segment_load));
  EXPECT_EQ(outcome.run.exit, Exit::kExit);  // hardware: #UD
  EXPECT_EQ(outcome.run.rdi, 0x4321u);
}

TEST(Deviation, ProvisionKeyNeedsNoPermission) {
  EXPECT_TRUE(
      build(test_platform(), {.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeProvisionKey}));
}

TEST(Deviation, ForkedChildHasNoEnclave) {
  auto enclave = make();
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);
    (void)*reinterpret_cast<volatile std::uint8_t*>(enclave->base() + kData);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace clemmys::enclave
