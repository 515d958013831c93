// window.h: a span of time in which a finding about dated things stays true. Trust: shared.
#pragma once

#include <algorithm>
#include <cstdint>

namespace clemmys::attest {

// Window is half open: from_unix_s <= now < until_unix_s.
struct Window {
  std::uint64_t from_unix_s = 0, until_unix_s = UINT64_MAX;

  bool contains(std::uint64_t now_unix_s) const {
    return from_unix_s <= now_unix_s && now_unix_s < until_unix_s;
  }
  void narrow(const Window& other) {
    from_unix_s = std::max(from_unix_s, other.from_unix_s);
    until_unix_s = std::min(until_unix_s, other.until_unix_s);
  }
};

}  // namespace clemmys::attest
