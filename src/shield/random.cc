// Randomness is the processor's own; the host has no say in it.
#include "shield/calls.h"
#include "shield/enclu.h"
#include "shield/host.h"
#include "shield/memory.h"

namespace clemmys::shield {

void random_bytes(void* target, uint64_t size) {
  for (auto* to = static_cast<uint8_t*>(target); size > 0;) {
    uint64_t word;
    if (!hardware_random(&word)) panic("random.hardware");
    const uint64_t step = size < sizeof word ? size : sizeof word;
    memcpy(to, &word, step);
    to += step;
    size -= step;
  }
}

int64_t call_getrandom(uint64_t buffer, uint64_t size, uint64_t) {
  if (!program_range(buffer, size)) return -EFAULT;
  random_bytes(reinterpret_cast<void*>(buffer), size);
  return static_cast<int64_t>(size);
}

}  // namespace clemmys::shield
