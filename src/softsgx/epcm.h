// epcm.h: the enclave page cache map: what the processor knows of each page. One 16-bit entry per page of the
// range, in lazily backed memory; entries change by compare-and-exchange, from host threads and from signal
// handlers alike. Source: Intel SDM volume 3D, "Enclave Page Cache Map (EPCM)".
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "sgx/arch.h"

namespace clemmys::softsgx {

struct EpcmEntry {
  std::uint16_t bits = 0;

  static constexpr std::uint16_t kPermissions = 7, kPending = 1 << 3, kModified = 1 << 4,
                                 kRestricted = 1 << 5, kValid = 1 << 6, kBlocked = 1 << 7,
                                 kProtected = 1 << 8;  // kProtected: the mapping is not plain read-write
  // kEvicted: valid, but written out of the page cache. kPinned: must not be (paging.h).
  static constexpr std::uint16_t kEvicted = 1 << 9, kPinned = 1 << 10;
  static constexpr int kTypeShift = 12;

  static constexpr EpcmEntry of(sgx::SecinfoFlags flags) {
    return {static_cast<std::uint16_t>((flags.bits & 0x3f) | kValid |
                                       (static_cast<std::uint16_t>(flags.type()) << kTypeShift))};
  }
  constexpr bool has(std::uint16_t mask) const { return (bits & mask) == mask; }
  constexpr bool any(std::uint16_t mask) const { return (bits & mask) != 0; }
  constexpr bool valid() const { return has(kValid); }
  constexpr sgx::PageType type() const { return static_cast<sgx::PageType>(bits >> kTypeShift); }
  constexpr EpcmEntry with(std::uint16_t mask) const { return {static_cast<std::uint16_t>(bits | mask)}; }
  constexpr EpcmEntry without(std::uint16_t mask) const { return {static_cast<std::uint16_t>(bits & ~mask)}; }
  constexpr EpcmEntry with_type(sgx::PageType type) const {
    return {static_cast<std::uint16_t>((bits & 0xfff) | (static_cast<std::uint16_t>(type) << kTypeShift))};
  }
  // secinfo is the entry as EACCEPT compares it: permissions, PENDING, MODIFIED, PR and type.
  constexpr sgx::SecinfoFlags secinfo() const { return sgx::secinfo_flags(type(), bits & 0x3f); }
  // usable: an access of this kind by the enclave goes through (regular page, accepted, permitted).
  constexpr bool usable(std::uint16_t permissions) const {
    return has(static_cast<std::uint16_t>(kValid | permissions)) &&
           !any(kPending | kModified | kBlocked | kEvicted) && type() == sgx::PageType::kRegular;
  }
  friend constexpr bool operator==(EpcmEntry, EpcmEntry) = default;
};

class Epcm {
 public:
  explicit Epcm(std::uint64_t pages)
      : pages_(pages), blocks_(new std::atomic<bool>[(pages + kBlock - 1) / kBlock]()) {
    void* memory = ::mmap(nullptr, pages * sizeof(Slot), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    slots_ = static_cast<Slot*>(memory);
  }
  ~Epcm() { ::munmap(slots_, pages_ * sizeof(Slot)); }
  Epcm(const Epcm&) = delete;
  Epcm& operator=(const Epcm&) = delete;

  EpcmEntry load(std::uint64_t page) const { return {slots_[page].load(std::memory_order_acquire)}; }
  void store(std::uint64_t page, EpcmEntry entry) {
    blocks_[page / kBlock].store(true, std::memory_order_relaxed);
    slots_[page].store(entry.bits, std::memory_order_release);
  }
  // next_used is the first page from `page` on, below `end`, whose entry was ever stored into; else `end`.
  // Exact to a block of 512 pages.
  std::uint64_t next_used(std::uint64_t page, std::uint64_t end) const {
    while (page < end && !blocks_[page / kBlock].load(std::memory_order_relaxed))
      page = (page / kBlock + 1) * kBlock;
    return page < end ? page : end;
  }
  // replace changes the entry if it still is `expected`.
  bool replace(std::uint64_t page, EpcmEntry expected, EpcmEntry wanted) {
    blocks_[page / kBlock].store(true, std::memory_order_relaxed);
    return slots_[page].compare_exchange_strong(expected.bits, wanted.bits, std::memory_order_acq_rel);
  }

 private:
  using Slot = std::atomic<std::uint16_t>;
  static_assert(Slot::is_always_lock_free && sizeof(Slot) == 2);
  static constexpr std::uint64_t kBlock = 512;
  std::uint64_t pages_;
  std::unique_ptr<std::atomic<bool>[]> blocks_;
  Slot* slots_;
};

}  // namespace clemmys::softsgx
