// scheduler_state.h: what the scheduler keeps of activations, pools and instances. Included by scheduler*.cc
// only.
#pragma once

#include "controller/scheduler.h"

namespace clemmys::controller {

// Share is one namespace's part of the platform, kept while it has activations or pools.
struct Scheduler::Share {
  NamespaceId owner;
  std::list<ActivationIterator> waiting;  // in the order of their arrival at a queue
  std::uint64_t waiting_bytes = 0;
  std::size_t activations = 0, pools = 0;
  Resources held, idle;  // by all its instances; by the idle ones among them
  Usage usage;
  Pool* hungry = nullptr;  // the pool that waited longest, when the namespace holds all that it may
};

// Activation is in exactly one place: `waiting_in` is set while its envelope waits, `runs_at` while an
// instance has it.
struct Scheduler::Activation {
  ActivationId id;
  Request request;
  Share* share = nullptr;
  std::list<ActivationIterator>::iterator place_in_share;  // while waiting
  bool gateway_gone = false;
  ChainId chain;
  Digest chain_digest;
  std::uint16_t step = 0, steps = 0;
  std::uint64_t deadline_unix_ms = 0;
  Pool* waiting_in = nullptr;
  Instance* runs_at = nullptr;
  Packet envelope;  // while waiting
  std::uint32_t timeout_ms = 0;
  std::uint64_t waiting_since_ns = 0;
};

// Pool is the instances of one key and the envelopes that wait for them, oldest first.
struct Scheduler::Pool {
  PoolKey key;
  Share* share = nullptr;
  Resources need;  // of one instance
  std::deque<ActivationIterator> waiting;
  std::vector<Instance*> instances;
  std::size_t starting = 0;
  std::uint64_t service_ns = 0;          // running mean of hand-over to output; 0: not known yet
  bool service_of_first_call = false;    // service_ns is the time of an instance's first call
  std::uint64_t no_start_before_ns = 0;  // after a failed start
};

enum class InstanceState : std::uint8_t { kStarting, kIdle, kBusy };

struct Scheduler::Instance {
  InstanceId id{};
  Pool* pool = nullptr;
  InstanceState state = InstanceState::kStarting;
  ActivationIterator activation;    // while busy
  bool sent_event = false;          // for the present envelope
  std::uint64_t since_ns = 0;       // of the present state
  std::uint64_t time_limit_ns = 0;  // starting or busy: stopped when this comes
  std::uint64_t runs = 0;
  bool last_run = false;                      // it asked to be ended after the present envelope
  bool succeeded = false;                     // it has given an output
  unsigned refusals = 0;                      // since its last output
  std::list<Instance*>::iterator idle_place;  // while idle
};

constexpr std::uint64_t kNsPerMs = 1'000'000, kMib = 1u << 20;
// kTurnMs: a namespace (or a function of one) that keeps an instance busy while another waits for room keeps
// it about this long. A cold start takes some 20 ms.
constexpr std::uint64_t kTurnMs = 100;
constexpr unsigned kRefusalsInARowMax = 3;

}  // namespace clemmys::controller
