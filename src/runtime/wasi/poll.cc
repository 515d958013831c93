// poll.cc: poll_oneoff: waiting for clocks. Streams never wait here, and are not to be polled.
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "runtime/wasi/process.h"

namespace clemmys::runtime::wasi {
namespace {

// WASI's layouts: a subscription is 48 bytes (u64 userdata, u8 tag at 8; of a clock: u32 id at 16, u64
// timeout at 24, u16 flags at 40), an event 32 (u64 userdata, u16 error at 8, u8 type at 10).
constexpr std::uint64_t kSubscriptionSize = 48, kEventSize = 32, kAbsolute = 1;
constexpr std::uint8_t kClock = 0, kTypes = 3;

struct Subscription {
  std::uint64_t userdata = 0;
  std::uint8_t type = kClock;
  Errno problem = Errno::kSuccess;  // of this one alone
  std::uint64_t wait_ns = 0;
};

// sleep_ns waits that long by the system's clock.
void sleep_ns(std::uint64_t duration) {
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  timespec wait{.tv_sec = static_cast<time_t>(duration / kNsPerSecond),
                .tv_nsec = static_cast<long>(duration % kNsPerSecond)};
  while (nanosleep(&wait, &wait) != 0 && errno == EINTR) {
  }
}

}  // namespace

Errno Process::poll_oneoff(ModuleMemory memory, std::uint32_t subscriptions, std::uint32_t events,
                           std::uint32_t count, std::uint32_t count_out) {
  if (count == 0 || count > kVectorsMax) return Errno::kInvalid;
  const auto in = memory.slice(subscriptions, count * kSubscriptionSize);
  const auto out = memory.slice(events, count * kEventSize);
  if (!in || !out || !memory.slice(count_out, sizeof(std::uint32_t))) return Errno::kFault;

  std::vector<Subscription> asked(count);
  std::uint64_t wait_ns = UINT64_MAX;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = subscriptions + i * kSubscriptionSize;
    Subscription& each = asked[i];
    each.userdata = *memory.read<std::uint64_t>(at);
    each.type = *memory.read<std::uint8_t>(at + 8);
    if (each.type >= kTypes) return Errno::kInvalid;
    const auto now = now_ns(*memory.read<std::uint32_t>(at + 16));
    const std::uint64_t timeout = *memory.read<std::uint64_t>(at + 24);
    if (each.type != kClock) {
      each.problem = Errno::kNotSupported;
    } else if (!now) {
      each.problem = Errno::kInvalid;
    } else if ((*memory.read<std::uint16_t>(at + 40) & kAbsolute) != 0) {
      each.wait_ns = timeout > *now ? timeout - *now : 0;
    } else {
      each.wait_ns = timeout;
    }
    wait_ns = std::min(wait_ns, each.wait_ns);
  }

  const std::uint64_t end = deadline_.monotonic_ns(), now = clock_.monotonic_ns();
  if (end != 0) wait_ns = std::min(wait_ns, end > now ? end - now : 0);
  if (wait_ns > 0) sleep_ns(wait_ns);
  out_of_time_ = deadline_.passed();

  std::uint32_t happened = 0;
  for (const Subscription& each : asked) {
    if (each.wait_ns > wait_ns) continue;
    const std::uint64_t at = events + happened++ * kEventSize;
    std::ranges::fill(out->subspan(at - events, kEventSize), std::uint8_t{0});
    (void)memory.write(at, each.userdata);
    (void)memory.write(at + 8, static_cast<std::uint16_t>(each.problem));
    (void)memory.write(at + 10, each.type);
  }
  return memory.write(count_out, happened) ? Errno::kSuccess : Errno::kFault;
}

}  // namespace clemmys::runtime::wasi
