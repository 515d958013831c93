// Futexes: hashed queues of Thread records. A waiter parks on the host, but whether it was woken is decided
// by its own `futex_woken` word inside: the host can wake it early or late, never make it believe a wake that
// did not happen.
#include <linux/futex.h>

#include "shield/calls.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/signals.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kBuckets = 64;
constexpr uint32_t kSpins = 64;  // short waits end without an exit

struct Bucket {
  Lock lock;
  Thread* first = nullptr;
  Thread* last = nullptr;

  void append(Thread* thread) {
    thread->futex_next = nullptr;
    (first == nullptr ? first : last->futex_next) = thread;
    last = thread;
  }
  // unlink removes `thread`, whose predecessor is `previous` (null: it is first).
  void unlink(Thread* previous, Thread* thread) {
    (previous == nullptr ? first : previous->futex_next) = thread->futex_next;
    if (last == thread) last = previous;
  }
};

Bucket buckets[kBuckets];

Bucket& bucket_of(uint64_t address) { return buckets[(address * 0x9e3779b97f4a7c15ull) >> 58]; }
uint32_t load(uint64_t address) {
  return __atomic_load_n(reinterpret_cast<uint32_t*>(address), __ATOMIC_SEQ_CST);
}
bool woken(Thread& thread) { return __atomic_load_n(&thread.futex_woken, __ATOMIC_ACQUIRE) != 0; }

// take moves up to `count` waiters of `address` that match out of the bucket, into a list. The caller holds
// the lock.
Thread* take(Bucket& bucket, uint64_t address, uint64_t count, uint32_t bitset, uint64_t* taken) {
  Thread* list = nullptr;
  Thread** tail = &list;
  Thread* previous = nullptr;
  for (Thread* thread = bucket.first; thread != nullptr && *taken < count;) {
    Thread* next = thread->futex_next;
    if (thread->futex_address == address && (thread->futex_bitset & bitset) != 0) {
      bucket.unlink(previous, thread);
      thread->futex_next = nullptr;
      *tail = thread;
      tail = &thread->futex_next;
      ++*taken;
    } else {
      previous = thread;
    }
    thread = next;
  }
  return list;
}

void wake_list(Thread* list) {
  while (list != nullptr) {
    Thread* next = list->futex_next;  // read before the waiter may run and wait again
    const uint64_t index = list->index;
    __atomic_store_n(&list->futex_woken, 1, __ATOMIC_RELEASE);
    call(OwnCall::kUnpark, 0, index);
    list = next;
  }
}

// leave_queue takes a waiter out that gives up; false when somebody woke it first.
bool leave_queue(Thread& thread) {
  for (;;) {
    const uint64_t address = __atomic_load_n(&thread.futex_address, __ATOMIC_RELAXED);
    Bucket& bucket = bucket_of(address);
    Guard guard(bucket.lock);
    Thread* previous = nullptr;
    for (Thread* at = bucket.first; at != nullptr; previous = at, at = at->futex_next) {
      if (at != &thread) continue;
      bucket.unlink(previous, at);
      return true;
    }
    if (woken(thread)) return false;
    // Requeued meanwhile, or taken and about to be marked: look again.
    __builtin_ia32_pause();
  }
}

int64_t wait(uint64_t address, uint32_t value, uint32_t bitset, uint64_t deadline_ns) {
  Thread& thread = self();
  for (uint32_t spin = 0; spin < kSpins; ++spin) {
    if (load(address) != value) return -EAGAIN;
    __builtin_ia32_pause();
  }
  {
    Bucket& bucket = bucket_of(address);
    Guard guard(bucket.lock);
    if (load(address) != value) return -EAGAIN;
    thread.futex_address = address;
    thread.futex_bitset = bitset;
    thread.futex_woken = 0;
    bucket.append(&thread);
  }
  while (!woken(thread)) {
    uint64_t left = ~0ull;
    if (deadline_ns != ~0ull) {
      const uint64_t now = monotonic_ns();
      if (now >= deadline_ns) return leave_queue(thread) ? -ETIMEDOUT : 0;
      left = deadline_ns - now;
    }
    call(OwnCall::kPark, 0, uint64_t{thread.index}, left);
    if (!woken(thread) && signal_waits(thread)) return leave_queue(thread) ? -EINTR : 0;
  }
  return 0;
}

int64_t requeue(uint64_t address, uint64_t wake_count, uint64_t move_count, uint64_t address2,
                const uint32_t* expected) {
  Bucket& from = bucket_of(address);
  Bucket& to = bucket_of(address2);
  Bucket* low = &from < &to ? &from : &to;
  Bucket* high = &from < &to ? &to : &from;
  low->lock.acquire();
  if (high != low) high->lock.acquire();
  uint64_t woken_count = 0, moved_count = 0;
  Thread* list = nullptr;
  const bool matches = expected == nullptr || load(address) == *expected;
  if (matches) {
    list = take(from, address, wake_count, ~0u, &woken_count);
    for (Thread* moved = take(from, address, move_count, ~0u, &moved_count); moved != nullptr;) {
      Thread* next = moved->futex_next;
      __atomic_store_n(&moved->futex_address, address2, __ATOMIC_RELAXED);
      to.append(moved);
      moved = next;
    }
  }
  if (high != low) high->lock.release();
  low->lock.release();
  wake_list(list);
  return matches ? static_cast<int64_t>(woken_count + moved_count) : -EAGAIN;
}

}  // namespace

uint64_t futex_wake(uint64_t address, uint64_t count, uint32_t bitset) {
  uint64_t taken = 0;
  Thread* list;
  {
    Bucket& bucket = bucket_of(address);
    Guard guard(bucket.lock);
    list = take(bucket, address, count, bitset, &taken);
  }
  wake_list(list);
  return taken;
}

int64_t call_futex(uint64_t address, uint64_t operation, uint64_t value, uint64_t timeout, uint64_t address2,
                   uint64_t value3) {
  if (address % 4 != 0) return -EINVAL;
  if (!program_range(address, 4)) return -EFAULT;
  const uint32_t value32 = static_cast<uint32_t>(value);
  const uint64_t count = value > 0x7fffffff ? 0x7fffffff : value;
  const bool realtime = (operation & FUTEX_CLOCK_REALTIME) != 0;
  switch (const uint64_t command = operation & FUTEX_CMD_MASK; command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      const uint32_t bitset = command == FUTEX_WAIT ? ~0u : static_cast<uint32_t>(value3);
      if (bitset == 0) return -EINVAL;
      uint64_t deadline = ~0ull;
      if (timeout != 0) {
        if (!program_range(timeout, sizeof(Timespec))) return -EFAULT;
        const Timespec time = *reinterpret_cast<const Timespec*>(timeout);
        if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds > 999'999'999) return -EINVAL;
        const uint64_t seconds =
            time.seconds > 4'000'000'000 ? 4'000'000'000 : static_cast<uint64_t>(time.seconds);
        deadline = seconds * 1'000'000'000 + static_cast<uint64_t>(time.nanoseconds);
        if (command == FUTEX_WAIT) {
          deadline += monotonic_ns();
        } else if (realtime) {
          const uint64_t now = realtime_ns();
          deadline = monotonic_ns() + (deadline > now ? deadline - now : 0);
        }
      }
      return wait(address, value32, bitset, deadline);
    }
    case FUTEX_WAKE:
      return static_cast<int64_t>(futex_wake(address, count, ~0u));
    case FUTEX_WAKE_BITSET:
      return value3 == 0 ? -EINVAL
                         : static_cast<int64_t>(futex_wake(address, count, static_cast<uint32_t>(value3)));
    case FUTEX_REQUEUE:
      return requeue(address, count, timeout, address2, nullptr);
    case FUTEX_CMP_REQUEUE: {
      const uint32_t expected = static_cast<uint32_t>(value3);
      return requeue(address, count, timeout, address2, &expected);
    }
    default:
      return -ENOSYS;
  }
}

}  // namespace clemmys::shield
