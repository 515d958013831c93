// spinlock.h: a lock that signal handlers may take. Its holder has every signal blocked, so a handler never
// waits for its own thread.
#pragma once

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace clemmys::softsgx {

class Spinlock {
 public:
  void lock() {
    while (flag_.exchange(true, std::memory_order_acquire)) _mm_pause();
  }
  void unlock() { flag_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> flag_{false};
};

// BlockedSignals blocks all signals of this thread for a scope. The system call itself: sigprocmask(3) may be
// interposed.
class BlockedSignals {
 public:
  BlockedSignals() {
    const std::uint64_t all = ~std::uint64_t{0};
    ::syscall(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, &before_, sizeof all);
  }
  ~BlockedSignals() { ::syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &before_, nullptr, sizeof before_); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  std::uint64_t before_ = 0;
};

class SpinGuard {
 public:
  explicit SpinGuard(Spinlock& lock) : lock_(lock) { lock_.lock(); }
  ~SpinGuard() { lock_.unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  BlockedSignals blocked_;
  Spinlock& lock_;
};

}  // namespace clemmys::softsgx
