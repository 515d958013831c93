// scheduler.h: which instance runs which envelope, as pure logic: no sockets, no threads, no clock of its
// own, so that a simulation can drive it. One activation is in one place at a time: waiting in a pool, or at
// one instance. Trust: untrusted; it reads headers and believes them only as far as the limits here. What it
// protects is the provider and other tenants' service: an instance's output must continue the very activation
// that it was handed (same chain, next step), else it is stopped. Invariants: an envelope is handed over at
// most once, ever (SPECIFICATION.md, F10); everything that waits is bounded in number, bytes and time;
// every activation is answered exactly once, unless its gateway has gone. No namespace's flood keeps another
// from its turn (fair_share.h).
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "controller/fair_share.h"
#include "controller/invoker.h"

namespace clemmys::controller {

// Request names an activation towards its gateway: the connection, and the number that the gateway chose; and
// says for which namespace it is. The id is opaque, and the host's to change: it decides about turns only.
enum class ClientId : std::uint64_t {};
struct Request {
  ClientId client{};
  std::uint64_t number = 0;
  NamespaceId owner{};
};

class Answers {
 public:
  virtual ~Answers() = default;
  virtual void event(Request request, Packet envelope) = 0;
  virtual void done(Request request, Packet envelope) = 0;
  virtual void failed(Request request, const wire::PlatformError& error) = 0;
};

// kPayloadRoom is for what a payload holds beside its body: receipt entries, log digests.
inline constexpr std::uint64_t kPayloadRoom = 64 * 1024;

struct SchedulerLimits {
  std::size_t instances_max = 64;
  std::size_t instances_per_function_max = 4;
  std::uint64_t memory_mib_max = 16'384;  // of the host's memory
  std::uint64_t epc_mib_max = 16'384;     // of enclave page cache: images' pages and heaps
  std::uint64_t host_process_mib = 48;    // what an instance takes beside its enclave
  std::size_t starting_max = 4;           // cold starts at one time
  std::size_t waiting_per_function_max = 1'024;
  std::size_t waiting_max = 16'384;
  std::uint64_t waiting_bytes_max = 1u << 30;
  std::uint64_t payload_size_max = wire::kPayloadSizeMaxHard;  // before padding
  std::uint32_t timeout_ms_max = 300'000;
  std::uint32_t start_timeout_ms = 30'000;
  std::uint32_t keep_alive_ms = 600'000;
  std::uint32_t patience_ms = 5;          // a pool that has instances waits this long before it wants another
  std::uint32_t waiting_ms_max = 30'000;  // whoever waited so long for an instance gets "no capacity"
};

struct SchedulerCounters {
  std::uint64_t accepted = 0, handed_over = 0, done = 0, failed = 0, refused_by_instance = 0, timed_out = 0;
  std::uint64_t no_capacity = 0, pushed_out = 0;
  std::uint64_t cold_starts = 0, start_failures = 0, stopped_for_misbehaviour = 0, stopped_for_refusals = 0,
                stopped_for_room = 0, stopped_for_turns = 0, stopped_when_idle = 0;
};

class Scheduler final : public InstanceEvents {
 public:
  // All referenced objects must outlive the scheduler.
  Scheduler(const SchedulerLimits& limits, const Clock& clock, Invoker& invoker, Answers& answers);
  ~Scheduler() override;

  // run takes a request envelope for its first step. A refusal is answered like any other failure, at once.
  void run(Request request, Packet envelope);
  // client_gone forgets a gateway's activations: waiting ones are dropped, the output of running ones will
  // be.
  void client_gone(ClientId client);
  // retire stops the instances of a chain that was replaced or deleted; those of one that still has an
  // activation end by keep-alive.
  void retire(const ChainId& chain);
  // tick enforces time limits and keep-alive; call it when tick_due_ns() has come.
  void tick();
  std::uint64_t tick_due_ns() const;
  // stop_all ends every instance; what waits or runs fails with kShutdown.
  void stop_all();
  // shut_down is stop_all for good: what comes later fails with kShutdown, too.
  void shut_down();

  void instance_ready(InstanceId instance, const StartTimes& times) override;
  void instance_output(InstanceId instance, Packet envelope) override;
  void instance_event(InstanceId instance, Packet envelope) override;
  void instance_retires(InstanceId instance) override;
  void instance_refused(InstanceId instance, ErrorCode code, std::string_view site) override;
  void instance_ended(InstanceId instance, InstanceEnd how, std::string_view why) override;

  // status_json is for people and `clemmys top`: instances and queues by function id, counters, the latest
  // cold starts by phase.
  std::string status_json() const;

 private:
  // PoolKey: the KMS binds an instance for life to a function and the namespace that invokes it. That id may
  // be false here, but a chain belongs to one namespace; so an instance serves one chain.
  struct PoolKey {
    NamespaceId owner;
    FunctionId function;
    Measurement image;
    ChainId chain;
    std::uint32_t memory_mib = 0;
    auto operator<=>(const PoolKey&) const = default;
  };
  struct Activation;
  struct Pool;
  struct Instance;
  struct Share;
  using ActivationIterator = std::list<Activation>::iterator;

  void enqueue(ActivationIterator activation, const wire::Header& header, Packet envelope);
  void unqueue(ActivationIterator activation);
  void dispatch(Pool& pool);
  void served(Instance& instance);
  void hand_over(Pool& pool, Instance& instance);
  static void learn_service_time(Pool& pool, std::uint64_t took_ns, bool first_call);
  static PoolKey key_of(const Request& request, const wire::Header& header);
  Pool& pool_of(const Request& request, const wire::Header& header);
  bool wants_instance(const Pool& pool) const;
  void start_where_wanted();
  enum class Room : std::uint8_t { kMade, kNone, kNotForThisNamespace };
  Room make_room(const Pool& pool);
  bool stop_own_idle(const Share& share);
  void start_instance(Pool& pool);
  void misbehaved(Instance& instance, std::string_view how);
  void stop_instance(Instance& instance);
  void erase_instance(Instance& instance);
  void end_instance(Instance& instance, wire::PlatformErrorCode code, std::string_view why);
  void set_idle(Instance& instance);
  void drop_late();
  void drop_waiting(Pool& pool, wire::PlatformErrorCode code, std::string_view text);
  void fail(ActivationIterator activation, wire::PlatformErrorCode code, std::string_view text);
  void forget(ActivationIterator activation);
  Status check_continues(const Activation& activation, const wire::Header& header) const;
  Status check_request(const wire::Header& header) const;

  // scheduler_turns.cc: which namespace's turn it is.
  Share& share_of(const NamespaceId& owner);
  std::vector<Pool*> in_turn(std::vector<Pool*> pools) const;
  bool queue_is_full(std::uint64_t size) const;
  bool push_out(const Share& newcomer);
  bool should_yield(const Pool& pool) const;
  bool is_hopeless(const Pool& pool) const;
  void begin_work(Instance& instance);
  void end_work(Instance& instance);
  void drop_absent_shares();

  const SchedulerLimits limits_;
  const Clock& clock_;
  Invoker& invoker_;
  Answers& answers_;
  SchedulerCounters counters_;

  std::list<Activation> activations_;
  std::map<ActivationId, ActivationIterator> by_id_;
  std::map<PoolKey, std::unique_ptr<Pool>> pools_;
  std::map<NamespaceId, std::unique_ptr<Share>> shares_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Instance>> instances_;
  std::list<Instance*> idle_;  // least recently used first
  std::deque<StartTimes> latest_starts_;
  const Resources all_;
  Resources held_, idle_held_;
  Pool* hungry_ = nullptr;  // the first in turn that found no room
  std::uint64_t next_instance_ = 1, waiting_bytes_ = 0, start_cost_ns_ = 100'000'000;
  std::uint64_t last_tick_ns_ = 0;
  std::size_t waiting_ = 0, starting_ = 0, busy_ = 0;
  bool shut_down_ = false;
};

}  // namespace clemmys::controller
