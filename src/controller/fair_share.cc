#include "controller/fair_share.h"

#include <algorithm>

namespace clemmys::controller {
namespace {

constexpr std::uint64_t kNsPerUs = 1'000;

// The sums are modulo 2^64; differences of what belongs together are exact.
std::uint64_t micros(std::uint64_t now_ns) { return now_ns / kNsPerUs; }

std::uint64_t left(std::uint64_t all, std::uint64_t taken) { return all - std::min(all, taken); }

bool within(std::uint64_t own, std::uint64_t need, std::uint64_t others, std::uint64_t all) {
  return own + need <= kFreeShare * left(all, own + others);
}

}  // namespace

Resources& Resources::operator+=(const Resources& other) {
  instances += other.instances;
  memory_mib += other.memory_mib;
  epc_mib += other.epc_mib;
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  instances -= other.instances;
  memory_mib -= other.memory_mib;
  epc_mib -= other.epc_mib;
  return *this;
}

bool Resources::fits_into(const Resources& other) const {
  return instances <= other.instances && memory_mib <= other.memory_mib && epc_mib <= other.epc_mib;
}

bool may_hold(const Resources& own, const Resources& need, const Resources& others, const Resources& all) {
  if (own.instances == 0) return true;
  return within(own.instances, need.instances, others.instances, all.instances) &&
         within(own.memory_mib, need.memory_mib, others.memory_mib, all.memory_mib) &&
         within(own.epc_mib, need.epc_mib, others.epc_mib, all.epc_mib);
}

void Usage::begin(std::uint64_t memory_mib, std::uint64_t now_ns) {
  running_mib_ += memory_mib;
  running_since_ += memory_mib * micros(now_ns);
}

void Usage::end(std::uint64_t memory_mib, std::uint64_t since_ns, std::uint64_t now_ns) {
  running_mib_ -= memory_mib;
  running_since_ -= memory_mib * micros(since_ns);
  ended_ += memory_mib * (micros(now_ns) - micros(since_ns));
}

std::uint64_t Usage::at(std::uint64_t now_ns) const {
  return ended_ + (running_mib_ * micros(now_ns) - running_since_);
}

void Usage::catch_up(std::uint64_t least, std::uint64_t now_ns) {
  const std::uint64_t own = at(now_ns);
  if (own < least) ended_ += least - own;
}

}  // namespace clemmys::controller
