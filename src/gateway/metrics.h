// metrics.h: counters that any thread adds to, and their Prometheus text. Counts and sizes only: no names, no
// user data.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace clemmys::gateway {

class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void subtract(std::uint64_t amount = 1) { value_.fetch_sub(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Metrics {
  std::array<Counter, 6> responses;  // by first digit of the status
  Counter connections, connections_open, connections_refused, handshakes_failed, slow_clients;
  Counter authentication_failures;
  Counter activations, activations_open, activations_failed;
  Counter answers_refused;  // results and ends that were not genuine answers
  Counter events_refused, records_refused, records_unstored;
  Counter kms_reconnects, controller_reconnects;

  std::string prometheus() const;
};

}  // namespace clemmys::gateway
