// fair_share.h: how namespaces share what instances need. Two rules. Room: a namespace may take at most three
// times what would stay free, so that some room is always left for a newcomer, and any namespace alone gets
// three quarters (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
// Order: whoever has used least goes first, where use is memory × time at work, and a namespace that was away
// saves up nothing (start-time fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996). Pure arithmetic. One
// thread.
#pragma once

#include <cstdint>

namespace clemmys::controller {

// Resources is what instances hold of the machine.
struct Resources {
  std::uint64_t instances = 0, memory_mib = 0, epc_mib = 0;

  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);
  friend Resources operator+(Resources a, const Resources& b) { return a += b; }
  // fits_into: no part is more than the other's.
  bool fits_into(const Resources& other) const;
};

inline constexpr std::uint64_t kFreeShare = 3;

// may_hold: whether a namespace that holds `own` may hold `need` more, where `others` is what other
// namespaces' instances that run or start hold. One instance is never refused by this rule.
bool may_hold(const Resources& own, const Resources& need, const Resources& others, const Resources& all);

// Usage is a namespace's use so far in MiB·µs, of work that ended and of work that goes on.
class Usage {
 public:
  void begin(std::uint64_t memory_mib, std::uint64_t now_ns);
  // end takes what begin took, and when that was.
  void end(std::uint64_t memory_mib, std::uint64_t since_ns, std::uint64_t now_ns);
  std::uint64_t at(std::uint64_t now_ns) const;
  // catch_up: after an absence, use begins where the least user stands.
  void catch_up(std::uint64_t least, std::uint64_t now_ns);

 private:
  std::uint64_t ended_ = 0, running_mib_ = 0;
  std::uint64_t running_since_ = 0;  // sum of memory × start over what runs, modulo 2^64
};

}  // namespace clemmys::controller
