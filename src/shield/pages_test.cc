// The pages of the dynamic range, with a host that lies about them and an EACCEPT that says what it found.
#include "shield/pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <functional>

#include "shield/enclu.h"
#include "shield/testing/fake_host.h"

namespace clemmys::shield {

namespace {
std::function<std::uint64_t(std::uint64_t)> processor;
}  // namespace
std::uint64_t accept_page(std::uint64_t address, sgx::SecinfoFlags) { return processor(address); }
void fake_arena_start() {}

namespace {

constexpr std::uint64_t kHeap = 1 << 20, kMismatch = 19;  // SGX_PAGE_ATTRIBUTES_MISMATCH

class Pages : public testing::Test {
 protected:
  Pages()
      : memory_(
            mmap(nullptr, kTablesSize + kHeap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    processor = [this](std::uint64_t) { return ++accepted_, 0; };
    layout_.dynamic_base = address_of(memory_);
    layout_.heap_base = layout_.dynamic_base + kTablesSize;
    layout_.dynamic_size = kTablesSize + kHeap;
    host_.emplace(layout_);
    host_->answer([this](const HostCall& call) -> std::int64_t {
      EXPECT_EQ(call.number, static_cast<std::uint64_t>(OwnCall::kAugment));
      asked_ += call.arguments[1] / kPageSize;
      return 0;
    });
  }
  ~Pages() override {
    host_.reset();
    munmap(memory_, kTablesSize + kHeap);
  }
  std::string stopped_at(std::uint64_t pages) const {
    try {
      return commit(brk_begin(), brk_begin() + pages * kPageSize) ? "committed" : "refused";
    } catch (const Stopped& stopped) {
      return stopped.what();
    }
  }

  void* memory_;
  LayoutPage layout_{};
  std::optional<FakeHost> host_;
  std::uint64_t asked_ = 0, accepted_ = 0;
};

TEST_F(Pages, AreAcceptedOnceHoweverOftenTheyAreCommitted) {
  EXPECT_EQ(stopped_at(4), "committed");
  EXPECT_EQ(stopped_at(6), "committed");
  EXPECT_EQ(asked_, accepted_);
  const std::uint64_t accepted = accepted_;
  EXPECT_EQ(stopped_at(6), "committed");
  EXPECT_EQ(accepted_, accepted) << "a page was accepted twice";
}

TEST_F(Pages, StopWhenThePageIsOfAnotherKind) {
  processor = [](std::uint64_t) { return kMismatch; };
  EXPECT_EQ(stopped_at(20), "pages.accept");
  host_->insecure_believe("pages.accept");
  EXPECT_EQ(stopped_at(20), "committed") << "the counterpart: with the check off, the page would be used";
}

TEST_F(Pages, StopWhenRemovingFails) {
  ASSERT_EQ(stopped_at(4), "committed");
  const auto trim_all = [] {
    try {
      trim(brk_begin(), brk_begin() + 4 * kPageSize);
    } catch (const Stopped& stopped) {
      return std::string(stopped.what());
    }
    return std::string("went on");
  };
  const auto refuse = [](OwnCall refused) {
    return [refused](const HostCall& call) -> std::int64_t {
      return call.number == static_cast<std::uint64_t>(refused) ? -EINVAL : 0;
    };
  };
  host_->answer(refuse(OwnCall::kTrim));
  EXPECT_EQ(trim_all(), "went on") << "the pages stay";
  EXPECT_TRUE(is_committed(brk_begin()));
  host_->answer(refuse(OwnCall::kRemove));
  EXPECT_EQ(trim_all(), "pages.remove");
}

TEST_F(Pages, StopAtImpossibleAnswers) {
  for (const std::int64_t answer : {std::int64_t{1}, std::int64_t{-4096}, INT64_MIN, INT64_MAX}) {
    host_->answer([answer](const HostCall&) { return answer; });
    EXPECT_EQ(stopped_at(40), "host.answer") << answer;
  }
}

TEST_F(Pages, ARefusalIsNoMemoryAndNothingIsAccepted) {
  host_->answer([](const HostCall&) { return -ENOMEM; });
  EXPECT_EQ(stopped_at(60), "refused");
  EXPECT_EQ(accepted_, 0u);
}

}  // namespace
}  // namespace clemmys::shield
