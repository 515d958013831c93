// The worker behind exitless calls (shield/exitless.h): one thread that looks at the words of all enclave
// threads, serves what is posted, and sleeps when nothing comes. Adaptive: it is woken when threads leave
// twice within a short time for calls that it could serve. A thread that waited long enough leaves; its host
// thread then takes the call back, or waits for the worker.
#include <chrono>

#include "enclave/host/process.h"
#include "shield/forwarded.h"

namespace clemmys::enclave {
namespace {

using shield::kQueueDone, shield::kQueueIdle, shield::kQueuePosted, shield::kQueueTaken;
using Clock = std::chrono::steady_clock;

// Looks without work before the worker sleeps: some 100 µs. Looks and not time, because a worker that was not
// on a processor has not looked.
constexpr std::uint32_t kIdleLooksMax = 4'000;
constexpr std::chrono::microseconds kBurst{50};  // between two exits, for the worker to be of use

}  // namespace

void Process::work() {
  for (;;) {
    announce_worker(1);
    for (std::uint32_t look = 0; look < kIdleLooksMax; ++look) {
      for (Slot& slot : slots_) {
        if (slot.ready.load(std::memory_order_acquire) && serve_posted(slot)) look = 0;
      }
      __builtin_ia32_pause();
    }
    announce_worker(0);
    worker_token_.store(0);
    worker_token_.wait(0);
  }
}

void Process::announce_worker(std::uint32_t awake) {
  worker_awake_.store(awake);
  for (Slot& slot : slots_) {
    if (slot.ready.load(std::memory_order_acquire)) std::atomic_ref(slot.block->worker).store(awake);
  }
}

bool Process::serve_posted(Slot& slot) {
  const std::atomic_ref queue(slot.block->queue);
  std::uint32_t expected = kQueuePosted;
  if (queue.load(std::memory_order_relaxed) != kQueuePosted ||
      !queue.compare_exchange_strong(expected, kQueueTaken))
    return false;
  ++counts_->exitless;
  answer(slot);
  queue.store(kQueueDone);
  queue.notify_one();
  if (worker_awake_.load() == 0) announce_worker(1);  // the call slept, see worker_answered
  return true;
}

bool Process::worker_answered(Slot& slot) {
  const std::atomic_ref queue(slot.block->queue);
  std::uint32_t state = kQueuePosted;
  if (queue.compare_exchange_strong(state, kQueueIdle)) {
    ++counts_->withdrawn;
    return false;
  }
  if (state != kQueueTaken && state != kQueueDone) return false;
  if (state == kQueueTaken) announce_worker(0);  // the call may sleep: the others shall not wait for its end
  for (; state == kQueueTaken; state = queue.load()) queue.wait(kQueueTaken);
  queue.store(kQueueIdle);
  return true;
}

void Process::wake_worker_for(Slot& slot) {
  const shield::HostCall& call = slot.block->call;
  if (!shield::never_sleeps(call.number, call.arguments[3])) return;
  const auto now = Clock::now().time_since_epoch();
  if (now - latest_exit_.exchange(now) < kBurst && worker_token_.exchange(1) == 0) worker_token_.notify_one();
}

}  // namespace clemmys::enclave
