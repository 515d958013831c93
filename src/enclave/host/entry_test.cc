// A host that enters the shield when or where it must not. Every such entry faults before the shield has used
// a stack, and the enclave is of no more use.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "enclave/image.h"
#include "shield/abi.h"

namespace clemmys::enclave {
namespace {

using shield::EntryReason;
using shield::ExitReason;

class ShieldEntry : public testing::Test {
 protected:
  ShieldEntry() {
    std::string pattern = testing::TempDir() + "/clemmys-entry-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    platform_ = *open_soft_platform(directory_);
    std::ifstream file(CLEMMYS_BINARY_DIR "/images/shield_static_heap.sgx", std::ios::binary);
    const Bytes image{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    enclave_ = std::move(*load_image(*platform_, image));
    std::memcpy(&layout_, image.data() + 3 * 64,
                sizeof layout_);  // ECREATE, EADD, EEXTEND records, then the first page
    block_.bounce_address = reinterpret_cast<std::uint64_t>(bounce_.data());
    block_.bounce_size = bounce_.size();
  }
  ~ShieldEntry() override {
    enclave_.reset();
    std::filesystem::remove_all(directory_);
  }

  enclave::Run enter(std::uint64_t slot, std::uint64_t reason, const void* block = nullptr) {
    enclave::Run run{.tcs = enclave_->base() + layout_.threads_base + slot * layout_.thread_stride};
    run.rdi = reason;
    run.rsi = reinterpret_cast<std::uint64_t>(block == nullptr ? &block_ : block);
    run.rdx = run.r8 = run.r9 = 0x5a5a5a5a;
    const Status entered = enclave_->enter(run);
    EXPECT_TRUE(entered) << to_string(entered.error());
    return run;
  }
  enclave::Run enter(std::uint64_t slot, EntryReason reason, const void* block = nullptr) {
    return enter(slot, static_cast<std::uint64_t>(reason), block);
  }
  // start runs the first thread up to its first call that is not about memory, as an honest host.
  enclave::Run start() {
    enclave::Run run = enter(0, EntryReason::kStart);
    for (int step = 0; step < 1000; ++step) {
      if (run.exit == Exit::kFault) {
        run = enter(0, EntryReason::kException);
      } else if (run.rdi == static_cast<std::uint64_t>(ExitReason::kResume)) {
        run.leaf = sgx::EnterLeaf::kEresume;
        EXPECT_TRUE(enclave_->enter(run));
      } else if (block_.call.number == static_cast<std::uint64_t>(shield::OwnCall::kAugment)) {
        EXPECT_TRUE(enclave_->augment(block_.call.arguments[0], block_.call.arguments[1]));
        block_.call.result = 0;
        run = enter(0, EntryReason::kReturn);
      } else {
        return run;
      }
    }
    ADD_FAILURE() << "never left";
    return run;
  }
  static bool refused(const enclave::Run& run) {
    return run.exit == Exit::kFault && run.exception_vector == 6;
  }
  static bool left(const enclave::Run& run, ExitReason reason) {
    return run.exit == Exit::kExit && run.rdi == static_cast<std::uint64_t>(reason);
  }

  std::string directory_;
  std::unique_ptr<Platform> platform_;
  std::unique_ptr<Enclave> enclave_;
  shield::LayoutPage layout_{};
  shield::HostThread block_{};
  alignas(64) std::array<std::uint8_t, shield::kBounceSizeMin> bounce_{};
};

TEST_F(ShieldEntry, RefusesAReturnThatNobodyWaitsFor) {
  EXPECT_TRUE(refused(enter(0, EntryReason::kReturn)));
}

TEST_F(ShieldEntry, RefusesAnExceptionWithoutOne) { EXPECT_TRUE(refused(enter(0, EntryReason::kException))); }

TEST_F(ShieldEntry, RefusesUnknownReasons) {
  EXPECT_TRUE(refused(enter(0, 0)));
  EXPECT_TRUE(refused(enter(1, ~std::uint64_t{0})));
}

TEST_F(ShieldEntry, RefusesAThreadThatTheProgramDidNotStart) {
  EXPECT_TRUE(refused(enter(1, EntryReason::kStart)));
}

TEST_F(ShieldEntry, RefusesASecondStart) {
  ASSERT_TRUE(left(start(), ExitReason::kHostCall));
  EXPECT_TRUE(refused(enter(0, EntryReason::kStart)));
}

TEST_F(ShieldEntry, ARefusedEntryEndsTheEnclave) {
  ASSERT_TRUE(left(start(), ExitReason::kHostCall));
  ASSERT_TRUE(refused(enter(0, EntryReason::kStart)));
  EXPECT_TRUE(left(enter(0, EntryReason::kException), ExitReason::kProcessDone));
  EXPECT_EQ(block_.call.number, static_cast<std::uint64_t>(shield::OwnCall::kPanic));  // its last words
}

TEST_F(ShieldEntry, NoThreadRunsOnInAnEndedEnclave) {
  ASSERT_TRUE(left(start(), ExitReason::kHostCall));
  ASSERT_TRUE(refused(enter(0, EntryReason::kStart)));
  ASSERT_TRUE(left(enter(0, EntryReason::kException), ExitReason::kProcessDone));
  block_.call.number = 0x5a5a;
  for (const EntryReason reason : {EntryReason::kStart, EntryReason::kReturn, EntryReason::kException}) {
    for (const std::uint64_t slot : {0, 1}) {
      const enclave::Run run = enter(slot, reason);
      EXPECT_TRUE(left(run, ExitReason::kThreadDone));
      EXPECT_EQ(run.rdx & run.r8 & run.r9, 0x5a5a5a5au) << "nothing of the enclave's";
    }
  }
  EXPECT_EQ(block_.call.number, 0x5a5au) << "nothing is asked of the host any more";
}

TEST_F(ShieldEntry, RefusesMailboxesInsideTheEnclave) {
  const auto inside = reinterpret_cast<const void*>(enclave_->base() + layout_.threads_base);
  EXPECT_TRUE(left(enter(0, EntryReason::kStart, inside), ExitReason::kProcessDone));
}

TEST_F(ShieldEntry, RefusesBounceBuffersThatReachIntoTheEnclave) {
  block_.bounce_address = enclave_->base() - 4096;
  EXPECT_TRUE(left(enter(0, EntryReason::kStart), ExitReason::kProcessDone));
}

TEST_F(ShieldEntry, LeavesNothingInRegisters) {
  const enclave::Run run = start();
  EXPECT_EQ(run.rsi | run.rdx | run.r8 | run.r9, 0u);
}

}  // namespace
}  // namespace clemmys::enclave
