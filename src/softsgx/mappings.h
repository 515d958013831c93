// mappings.h: what the host lets be accessed where in one enclave's range: the kernel's page tables, which
// restrict further than the EPCM. Until restrict() everything is mapped with all permissions. Offsets in
// bytes; PROT_… bits. Safe in signal handlers.
#pragma once

#include <sys/mman.h>

#include <atomic>

#include "softsgx/intervals.h"
#include "softsgx/spinlock.h"

namespace clemmys::softsgx {

class Mappings {
 public:
  static constexpr int kAll = PROT_READ | PROT_WRITE | PROT_EXEC;
  struct Run {
    bool mapped;
    int protection;
    std::uint64_t end;
  };

  // restrict makes the whole range unmapped.
  void restrict() { restricted_ = true; }
  bool restricted() const { return restricted_.load(std::memory_order_relaxed); }
  void map(std::uint64_t begin, std::uint64_t end, int protection) {
    const SpinGuard guard(lock_);
    intervals_.set(begin, end, protection);
  }
  void unmap(std::uint64_t begin, std::uint64_t end) {
    const SpinGuard guard(lock_);
    intervals_.erase(begin, end);
  }
  bool any() {
    const SpinGuard guard(lock_);
    return !intervals_.empty();
  }
  // run says what holds at `offset`, and up to where.
  Run run(std::uint64_t offset) const {
    if (!restricted()) return {true, kAll, ~std::uint64_t{0}};
    const SpinGuard guard(lock_);
    const auto* next = intervals_.next(offset);
    if (next == nullptr) return {false, PROT_NONE, ~std::uint64_t{0}};
    if (next->begin > offset) return {false, PROT_NONE, next->begin};
    return {true, next->value, next->end};
  }
  bool allows(std::uint64_t offset, int protection) const {
    return (run(offset).protection & protection) == protection;
  }

 private:
  std::atomic<bool> restricted_{false};
  mutable Spinlock lock_;
  Intervals<int> intervals_;
};

}  // namespace clemmys::softsgx
