// A host that enters the shield when or where it must not. Every such entry faults before the shield has used
// a stack, and the enclave is of no more use.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <functional>
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
    reload();
    block_.bounce_address = reinterpret_cast<std::uint64_t>(bounce_.data());
    block_.bounce_size = bounce_.size();
  }
  ~ShieldEntry() override {
    enclave_.reset();
    std::filesystem::remove_all(directory_);
  }

  void reload(const char* name = "static_heap") {
    enclave_.reset();
    std::ifstream file(CLEMMYS_BINARY_DIR "/images/shield_" + std::string(name) + ".sgx", std::ios::binary);
    const Bytes image{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    enclave_ = std::move(*load_image(*platform_, image));
    std::memcpy(&layout_, image.data() + 3 * 64,
                sizeof layout_);  // ECREATE, EADD, EEXTEND records, then the first page
  }
  enclave::Run enter(std::uint64_t slot, std::uint64_t reason, const void* block = nullptr) {
    enclave::Run run{.tcs = enclave_->base() + layout_.threads_base + slot * layout_.thread_stride};
    run.rdi = reason;
    run.rsi = reinterpret_cast<std::uint64_t>(block == nullptr ? &block_ : block);
    run.rdx = run.r8 = run.r9 = 0x5a5a5a5a;
    entered_ = enclave_->enter(run).has_value();
    return run;
  }
  enclave::Run enter(std::uint64_t slot, EntryReason reason, const void* block = nullptr) {
    return enter(slot, static_cast<std::uint64_t>(reason), block);
  }
  // Augment is what the host does when the enclave asks for pages; it returns what it then says.
  using Augment = std::function<std::int64_t(std::uint64_t offset, std::uint64_t size)>;
  // start runs the first thread up to its first call that is not about memory, as an honest host, or as one
  // that lies about pages.
  enclave::Run start(const Augment& augment = {}) {
    enclave::Run run = enter(0, EntryReason::kStart);
    for (int step = 0; step < 1000; ++step) {
      if (!entered_) {
        return run;
      } else if (run.exit == Exit::kFault) {
        run = enter(0, EntryReason::kException);
      } else if (run.rdi == static_cast<std::uint64_t>(ExitReason::kResume)) {
        run.leaf = sgx::EnterLeaf::kEresume;
        entered_ = enclave_->enter(run).has_value();
      } else if (block_.call.number == static_cast<std::uint64_t>(shield::OwnCall::kAugment)) {
        const std::uint64_t offset = block_.call.arguments[0], size = block_.call.arguments[1];
        block_.call.result = augment ? augment(offset, size) : enclave_->augment(offset, size) ? 0 : -ENOMEM;
        run = enter(0, EntryReason::kReturn);
      } else {
        return run;
      }
    }
    ADD_FAILURE() << "never left";
    return run;
  }
  bool refused(const enclave::Run& run) const {
    return entered_ && run.exit == Exit::kFault && run.exception_vector == 6;
  }
  bool left(const enclave::Run& run, ExitReason reason) const {
    return entered_ && run.exit == Exit::kExit && run.rdi == static_cast<std::uint64_t>(reason);
  }

  // stopped_at is the enclave's last word, when it stopped by itself.
  std::string stopped_at(const enclave::Run& run) const {
    if (!left(run, ExitReason::kProcessDone) ||
        block_.call.number != static_cast<std::uint64_t>(shield::OwnCall::kPanic))
      return "it did not stop";
    return {reinterpret_cast<const char*>(block_.call.arguments[0]), block_.call.arguments[1]};
  }

  bool entered_ = false;  // the last time
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

// The host does not add the n-th pages that are asked for, and says that it did (mapping nothing there, so
// that software SGX cannot add them by itself). Deep in a fault, the processor finds no frame for another
// one.
TEST_F(ShieldEntry, StopsAtAPageThatTheHostDidNotAdd) {
  bool at_call_level = false;
  int asks = 0;
  reload("hello");
  start([&](std::uint64_t offset, std::uint64_t size) {
    return ++asks, enclave_->augment(offset, size) ? 0 : -ENOMEM;
  });
  ASSERT_GT(asks, 3);
  for (int lie = 0; lie < asks; ++lie) {
    reload("hello");
    int asked = 0;
    const enclave::Run run = start([&](std::uint64_t offset, std::uint64_t size) {
      if (asked++ != lie) return enclave_->augment(offset, size) ? 0 : -ENOMEM;
      EXPECT_EQ(::munmap(reinterpret_cast<void*>(enclave_->base() + offset), sgx::kPageSize), 0);
      return 0;
    });
    if (entered_) {
      EXPECT_EQ(stopped_at(run), "pages.absent");
      at_call_level = true;
    }
    EXPECT_FALSE(entered_ && left(run, ExitReason::kHostCall)) << "it ran on";
  }
  EXPECT_TRUE(at_call_level);
}

TEST_F(ShieldEntry, RefusesArgumentsThatReachIntoTheEnclave) {
  block_.argument_block = enclave_->base() - 8;
  block_.argument_size = 16;
  EXPECT_EQ(stopped_at(start()), "start.arguments");
}

TEST_F(ShieldEntry, RefusesMoreArgumentBytesThanAllowed) {
  block_.argument_block = block_.bounce_address;
  block_.argument_size = shield::kArgumentSizeMax + 1;
  EXPECT_EQ(stopped_at(start()), "start.arguments");
}

TEST_F(ShieldEntry, RefusesMoreArgumentsThanThereAreTexts) {
  block_.argument_block = block_.bounce_address;  // zeros: four empty texts
  block_.argument_size = 4;
  block_.argument_count = 5;
  EXPECT_EQ(stopped_at(start()), "start.argument_count");
}

TEST_F(ShieldEntry, LeavesNothingInRegisters) {
  const enclave::Run run = start();
  EXPECT_EQ(run.rsi | run.rdx | run.r8 | run.r9, 0u);
}

}  // namespace
}  // namespace clemmys::enclave
