// throttle.h: limits per namespace, as OpenWhisk has them: activations in a minute of the clock, and
// activations at one time. Counted by this gateway, over all its workers. They protect the provider, and come
// from the host: a false limit denies service and does nothing else. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace clemmys::gateway {

struct NamespaceLimits {
  std::uint64_t per_minute = 0, concurrent = 0;  // 0: no limit
};

class Throttle {
 public:
  explicit Throttle(NamespaceLimits limits) : limits_(limits) {}

  // Ticket is one activation in flight; it must not outlive the throttle.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : throttle_(std::exchange(other.throttle_, nullptr)), owner_(other.owner_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(throttle_, other.throttle_);
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Ticket() {
      if (throttle_ != nullptr) throttle_->release(owner_);
    }

   private:
    friend class Throttle;
    Throttle* throttle_ = nullptr;
    NamespaceId owner_;
  };
  struct Refusal {
    std::string text;  // OpenWhisk's
    unsigned retry_after_s = 1;
  };
  // admit gives a ticket, or says which limit is reached. Refused requests count towards the minute.
  std::optional<Refusal> admit(const NamespaceId& owner, std::uint64_t now_unix_ms, Ticket& ticket);
  const NamespaceLimits& limits() const { return limits_; }

 private:
  struct Counts {
    std::uint64_t minute = 0, in_minute = 0, open = 0;
  };
  void release(const NamespaceId& owner);

  const NamespaceLimits limits_;
  std::mutex mutex_;
  std::map<NamespaceId, Counts> counts_;  // as many as there are namespaces
};

}  // namespace clemmys::gateway
