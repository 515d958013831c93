// The page cache of limited size: pages go and come back with what they were; the host cannot alter or repeat
// what it keeps.
#include "softsgx/paging.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "enclave/conformance/conformance.h"
#include "softsgx/registry.h"
#include "softsgx/state.h"

namespace clemmys::enclave {
namespace {

using namespace conformance;
using sgx::kPageSize;

constexpr std::uint64_t kCachePages = 72,
                        kPages = (kSize - kDynamic) / kPageSize;  // 192, beside the 30 of the build
const bool limited = (softsgx::set_epc_size(kCachePages * kPageSize), true);

void accept(Enclave& enclave, std::uint64_t offset) {
  sgx::Secinfo secinfo{};
  secinfo.flags = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite | sgx::kSecinfoPending);
  copy_in(enclave, kData + 0x800, {reinterpret_cast<const std::uint8_t*>(&secinfo), sizeof secinfo});
  const Outcome outcome =
      leaf(enclave, sgx::UserLeaf::kEaccept, enclave.base() + kData + 0x800, enclave.base() + offset);
  ASSERT_EQ(outcome.run.exit, Exit::kExit);
  ASSERT_EQ(outcome.run.rdi, 0u);
}

// filled is an enclave with all dynamic pages accepted and a number in each.
std::unique_ptr<Enclave> filled() {
  auto enclave = build(test_platform());
  for (std::uint64_t i = 0; i < kPages; ++i) {
    const std::uint64_t offset = kDynamic + i * kPageSize;
    accept(*enclave, offset);
    EXPECT_EQ(call(*enclave, Command::kWrite, enclave->base() + offset + 8, 1000 + i).run.exit, Exit::kExit);
  }
  return enclave;
}

// Held is the processor's state of an enclave, as a host that owns its memory sees it.
struct Held {
  softsgx::State& state;
  explicit Held(Enclave& enclave) : state(*softsgx::find_enclave(enclave.base())) {}
  ~Held() { softsgx::release_enclave(state); }
  // page is some dynamic page that is out.
  std::uint64_t page() const {
    for (const auto& [number, written] : state.paged.written)
      if (number >= kDynamic / kPageSize) return number;
    ADD_FAILURE() << "nothing was written out";
    return 0;
  }
};

TEST(Paging, PagesComeBackWithTheirContents) {
  ASSERT_TRUE(limited);
  auto enclave = filled();
  for (int round = 0; round < 2; ++round)
    for (std::uint64_t i = 0; i < kPages; ++i) {
      const Outcome read = call(*enclave, Command::kRead, enclave->base() + kDynamic + i * kPageSize + 8);
      ASSERT_EQ(read.run.exit, Exit::kExit) << i;
      ASSERT_EQ(read.run.rdi, 1000 + i);
    }
}

TEST(Paging, IsCountedAndTheCacheIsNeverOverfull) {
  auto enclave = filled();
  const Held held(*enclave);
  const softsgx::PagingGuard guard;
  const auto count = [&](softsgx::Event event) {
    return held.state.counters[static_cast<std::size_t>(event)].load();
  };
  EXPECT_LE(held.state.paged.held, kCachePages);
  EXPECT_GE(count(softsgx::Event::kEwb), kPages + 30 - kCachePages);
  EXPECT_EQ(count(softsgx::Event::kEblock), count(softsgx::Event::kEwb));
  EXPECT_LT(count(softsgx::Event::kEtrack), count(softsgx::Event::kEwb));
  EXPECT_EQ(count(softsgx::Event::kEpa), 1u);
  EXPECT_EQ(count(softsgx::Event::kEwb) - count(softsgx::Event::kEldu), held.state.paged.written.size());
}

TEST(Paging, WhatIsWrittenOutIsNotReadable) {
  auto enclave = filled();
  const Held held(*enclave);
  const std::uint64_t page = held.page(), secret = 1000 + page - kDynamic / kPageSize;
  std::uint64_t word;
  std::memcpy(&word, held.state.paged.written.at(page)->content.data() + 8, sizeof word);
  EXPECT_NE(word, secret);
}

TEST(Paging, AlteredPagesNeverComeBack) {
  auto enclave = filled();
  const Held held(*enclave);
  const std::uint64_t page = held.page();
  held.state.paged.written.at(page)->content[100] ^= 1;
  EXPECT_EQ(call(*enclave, Command::kRead, enclave->base() + page * kPageSize).run.exit, Exit::kFault);
}

TEST(Paging, OlderCopiesNeverComeBack) {
  auto enclave = filled();
  const Held held(*enclave);
  const std::uint64_t page = held.page(), address = enclave->base() + page * kPageSize + 8;
  const softsgx::WrittenPage old = *held.state.paged.written.at(page);
  ASSERT_EQ(call(*enclave, Command::kWrite, address, 5).run.exit, Exit::kExit);
  for (std::uint64_t i = 0; i < 4 * kPages && !held.state.paged.written.contains(page); ++i) {
    const std::uint64_t other = kDynamic / kPageSize + i % kPages;
    if (other != page) (void)call(*enclave, Command::kRead, enclave->base() + other * kPageSize);
  }
  ASSERT_TRUE(held.state.paged.written.contains(page));
  *held.state.paged.written.at(page) = old;
  EXPECT_EQ(call(*enclave, Command::kRead, address).run.exit, Exit::kFault);
}

TEST(Paging, AVersionIsUsedOnceAndItsSlotIsEmptyAgain) {
  auto enclave = filled();
  const Held held(*enclave);
  std::set<std::uint64_t> versions;
  for (const auto& [page, version] : held.state.paged.versions) versions.insert(version);
  EXPECT_EQ(versions.size(), held.state.paged.written.size());
  const std::uint64_t page = held.page();
  ASSERT_EQ(call(*enclave, Command::kRead, enclave->base() + page * kPageSize).run.exit, Exit::kExit);
  EXPECT_FALSE(held.state.paged.versions.contains(page));
  EXPECT_EQ(held.state.paged.versions.size(), held.state.paged.written.size());
}

TEST(Paging, AVersionArrayHas512Slots) {
  auto enclave = build(test_platform(), {.size = 8 << 20});
  const Held held(*enclave);
  const auto arrays = [&] {
    return held.state.counters[static_cast<std::size_t>(softsgx::Event::kEpa)].load();
  };
  std::uint64_t offset = kDynamic;
  for (; held.state.paged.added < 512; offset += kPageSize) accept(*enclave, offset);
  EXPECT_EQ(arrays(), 1u);
  accept(*enclave, offset);
  EXPECT_EQ(arrays(), 2u);
}

// SGX_BLKSTATE, and EACCEPT's "security attributes".
TEST(Paging, ABlockedPageStaysAndIsNoOperand) {
  auto enclave = filled();
  const Held held(*enclave);
  (void)call(*enclave, Command::kRead, enclave->base() + kData + 0x800);  // it is in the cache
  const std::uint64_t page = (kData + 0x800) / kPageSize;
  const softsgx::EpcmEntry entry = held.state.epcm.load(page);
  ASSERT_FALSE(entry.any(softsgx::EpcmEntry::kEvicted | softsgx::EpcmEntry::kBlocked));
  held.state.epcm.store(page, entry.with(softsgx::EpcmEntry::kBlocked));
  for (std::uint64_t i = 0; i < kPages; ++i)
    (void)call(*enclave, Command::kRead, enclave->base() + kDynamic + i * kPageSize);
  EXPECT_FALSE(held.state.epcm.load(page).any(softsgx::EpcmEntry::kEvicted));
  const Outcome outcome =
      leaf(*enclave, sgx::UserLeaf::kEaccept, enclave->base() + kData + 0x800, enclave->base() + kDynamic);
  EXPECT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 14);
  held.state.epcm.store(page, held.state.epcm.load(page).without(softsgx::EpcmEntry::kBlocked));
}

TEST(Paging, PermissionsComeBackToo) {
  auto enclave = filled();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(copy_out(*enclave, kReadOnly, 1), Bytes{0});
    ASSERT_EQ(call(*enclave, Command::kWrite, enclave->base() + kReadOnly, 1).run.exit, Exit::kFault);
    handle(*enclave, 3);
    ASSERT_EQ(resume(*enclave).run.exit, Exit::kExit);
    for (std::uint64_t i = 0; i < kPages; ++i)
      (void)call(*enclave, Command::kRead, enclave->base() + kDynamic + i * kPageSize);
  }
}

TEST(Paging, ThreadsUnderPressureSeeTheirOwnData) {
  auto enclave = filled();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t round = 1; round <= 4; ++round)
        for (std::uint64_t i = t; i < kPages; i += 4) {
          const std::uint64_t address = enclave->base() + kDynamic + i * kPageSize + 16;
          if (call(*enclave, Command::kWrite, address, round * i, 0, 0, t).run.exit != Exit::kExit ||
              call(*enclave, Command::kRead, address, 0, 0, 0, t).run.rdi != round * i)
            ++wrong;
        }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace clemmys::enclave
