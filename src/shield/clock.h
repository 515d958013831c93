// clock.h: the host's clock between two questions: extrapolated by the time stamp counter, so that most
// readings need no exit. The rate comes from the host's own answers over the longest baseline. Pure
// arithmetic; the caller locks. A host that lies about time shifts it, as it always could; it cannot make
// it go back (time_calls.cc).
#pragma once

#include <stdint.h>

namespace clemmys::shield {

class ClockModel {
 public:
  static constexpr uint64_t kBaselineMinNs = 10'000'000;  // a shorter baseline gives no rate
  static constexpr uint64_t kAgeMaxNs = 500'000'000;      // then the host is asked again

  // anchor records an answer: `ns` was the clock when the counter was about `tsc`.
  void anchor(uint64_t tsc, uint64_t monotonic_ns, uint64_t realtime_ns) {
    if (!started_ || tsc <= base_tsc_ || monotonic_ns <= base_ns_) {
      started_ = true;
      base_tsc_ = tsc;
      base_ns_ = monotonic_ns;
      rate_ = 0;
    } else {
      uint64_t ticks = tsc - base_tsc_, ns = monotonic_ns - base_ns_;
      if (ns >= kBaselineMinNs) {
        while (ns >> 31 != 0) ns >>= 1, ticks >>= 1;  // so that the shift below fits
        rate_ = ticks == 0 ? 0 : (ns << 32) / ticks;
      }
    }
    anchor_tsc_ = tsc;
    anchor_ns_ = monotonic_ns;
    anchor_realtime_ns_ = realtime_ns;
  }
  // read extrapolates to `tsc`; false when the host must be asked.
  bool read(uint64_t tsc, uint64_t* monotonic_ns, uint64_t* realtime_ns) const {
    if (rate_ == 0 || tsc < anchor_tsc_) return false;
    const auto age = static_cast<unsigned __int128>(tsc - anchor_tsc_) * rate_ >> 32;
    if (age > kAgeMaxNs) return false;
    *monotonic_ns = anchor_ns_ + static_cast<uint64_t>(age);
    *realtime_ns = anchor_realtime_ns_ + static_cast<uint64_t>(age);
    return true;
  }

 private:
  bool started_ = false;
  uint64_t base_tsc_ = 0, base_ns_ = 0;                               // the first answer
  uint64_t anchor_tsc_ = 0, anchor_ns_ = 0, anchor_realtime_ns_ = 0;  // the latest
  uint64_t rate_ = 0;                                                 // ns per tick, 32 fractional bits
};

}  // namespace clemmys::shield
