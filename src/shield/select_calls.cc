// select and pselect6, by way of poll: three bit sets in, three out. The entries live in the bounce buffer;
// the program's sets are read before the call and written after it.
#include <asm/poll.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/memory.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kSelectMax = 1024;  // FD_SETSIZE
constexpr uint16_t kReadable = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
                   kWritable = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR, kUrgent = POLLPRI;

struct PollEntry {
  int32_t descriptor;
  uint16_t events, returned;
};

bool has(uint64_t set, uint64_t number) {
  return set != 0 && (reinterpret_cast<const uint64_t*>(set)[number / 64] >> (number % 64) & 1) != 0;
}
void put(uint64_t set, uint64_t number, bool value) {
  if (set == 0) return;
  uint64_t& word = reinterpret_cast<uint64_t*>(set)[number / 64];
  word = value ? word | 1ull << (number % 64) : word & ~(1ull << (number % 64));
}

}  // namespace

int64_t select_ready(uint64_t count, const uint64_t* sets, uint64_t timeout_ms) {
  if (count > kSelectMax) return -EINVAL;
  for (int i = 0; i < 3; ++i) {
    if (sets[i] != 0 && !program_range(sets[i], (count + 63) / 64 * 8)) return -EFAULT;
  }
  Bounce bounce;
  const uint64_t place = bounce.reserve(count * sizeof(PollEntry));
  for (uint64_t number = 0; number < count; ++number) {
    PollEntry entry{-1, 0, 0};
    if (has(sets[0], number)) entry.events |= POLLIN;
    if (has(sets[1], number)) entry.events |= POLLOUT;
    if (has(sets[2], number)) entry.events |= POLLPRI;
    if (entry.events != 0) {
      const int64_t host = host_of(number);
      if (host < 0) return host;
      entry.descriptor = static_cast<int32_t>(host);
    }
    bounce.fill(place + number * sizeof entry, &entry, sizeof entry);
  }
  const int64_t ready = call(__NR_poll, count, place, count, timeout_ms);
  if (ready < 0) return ready;
  int64_t counted = 0;
  for (uint64_t number = 0; number < count; ++number) {
    const uint16_t returned = bounce.get<PollEntry>(place + number * sizeof(PollEntry)).returned;
    const uint16_t masks[3] = {kReadable, kWritable, kUrgent};
    for (int i = 0; i < 3; ++i) {  // only what was asked for can come back
      const bool set = has(sets[i], number) && (returned & masks[i]) != 0;
      put(sets[i], number, set);
      counted += set;
    }
  }
  return counted;
}

}  // namespace clemmys::shield
