// lock.h: a spin lock for short sections. It yields to the host after a while, because the holder may have
// been descheduled. Order: areas → pages; no other lock is taken while one is held.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

void yield_to_host();  // host.cc

class Lock {
 public:
  void acquire() {
    for (uint32_t spins = 0; __atomic_exchange_n(&held_, 1, __ATOMIC_ACQUIRE) != 0;) {
      while (__atomic_load_n(&held_, __ATOMIC_RELAXED) != 0) {
        __builtin_ia32_pause();
        if (++spins % 256 == 0) yield_to_host();
      }
    }
  }
  void release() { __atomic_store_n(&held_, 0, __ATOMIC_RELEASE); }

 private:
  uint32_t held_ = 0;
};

class Guard {
 public:
  explicit Guard(Lock& lock) : lock_(lock) { lock_.acquire(); }
  ~Guard() { lock_.release(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace clemmys::shield
