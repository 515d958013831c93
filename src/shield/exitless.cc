#include "shield/exitless.h"

#include "shield/enclu.h"
#include "shield/forwarded.h"

namespace clemmys::shield {
namespace {

// How often the shield looks before it leaves: about as long as leaving costs on hardware (8,000 to 17,000
// cycles, HotCalls, ISCA 2017), with a PAUSE of some 40 cycles each.
constexpr uint32_t kLooksMax = 300;

}  // namespace

bool worker_is_awake() { return __atomic_load_n(&self().host->worker, __ATOMIC_RELAXED) != 0; }

bool exitless_call(Thread& thread, uint64_t number, uint64_t timeout) {
  if (!never_sleeps(number, timeout) || !worker_is_awake()) return false;
  uint32_t* queue = &thread.host->queue;
  __atomic_store_n(queue, kQueuePosted, __ATOMIC_RELEASE);
  for (uint32_t look = 0; look < kLooksMax; ++look) {
    if (__atomic_load_n(queue, __ATOMIC_ACQUIRE) == kQueueDone) {
      __atomic_store_n(queue, kQueueIdle, __ATOMIC_RELAXED);
      return true;
    }
    let_the_worker_run();
  }
  return false;
}

}  // namespace clemmys::shield
