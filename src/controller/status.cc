// The scheduler's state as JSON: opaque ids, counts and times only.
#include <boost/json.hpp>

#include "controller/scheduler.h"
#include "controller/scheduler_state.h"

namespace clemmys::controller {
namespace {

namespace json = boost::json;

std::string_view name_of(InstanceState state) {
  switch (state) {
    case InstanceState::kStarting:
      return "starting";
    case InstanceState::kIdle:
      return "idle";
    case InstanceState::kBusy:
      return "busy";
  }
  return "unknown";
}

// phase is the time from one moment to a later one in milliseconds; null when either was not reached.
json::value phase(std::uint64_t from_ns, std::uint64_t to_ns) {
  if (from_ns == 0 || to_ns < from_ns) return nullptr;
  return static_cast<double>(to_ns - from_ns) / 1e6;
}

json::object describe(const StartTimes& times) {
  return {{"spawn_ms", phase(times.decided_ns, times.spawned_ns)},
          {"load_ms", phase(times.spawned_ns, times.spoke_ns)},
          {"session_ms", phase(times.spoke_ns, times.session_ns)},
          {"ready_ms", phase(times.session_ns, times.ready_ns)},
          {"total_ms", phase(times.decided_ns, times.ready_ns)}};
}

json::object describe(const SchedulerCounters& counters) {
  return {{"accepted", counters.accepted},
          {"handed_over", counters.handed_over},
          {"done", counters.done},
          {"failed", counters.failed},
          {"refused_by_instance", counters.refused_by_instance},
          {"timed_out", counters.timed_out},
          {"cold_starts", counters.cold_starts},
          {"start_failures", counters.start_failures},
          {"stopped_for_misbehaviour", counters.stopped_for_misbehaviour},
          {"stopped_for_refusals", counters.stopped_for_refusals},
          {"stopped_for_room", counters.stopped_for_room},
          {"stopped_for_turns", counters.stopped_for_turns},
          {"no_capacity", counters.no_capacity},
          {"pushed_out", counters.pushed_out},
          {"stopped_when_idle", counters.stopped_when_idle}};
}

}  // namespace

std::string Scheduler::status_json() const {
  const std::uint64_t now = clock_.monotonic_ns();
  json::array functions;
  for (const auto& [key, pool] : pools_) {
    json::array instances;
    for (const Instance* instance : pool->instances) {
      instances.push_back(json::object{{"id", std::to_underlying(instance->id)},
                                       {"state", name_of(instance->state)},
                                       {"for_ms", (now - instance->since_ns) / kNsPerMs},
                                       {"runs", instance->runs}});
    }
    functions.push_back(json::object{{"function", to_hex(key.function)},
                                     {"image", to_hex(key.image)},
                                     {"chain", to_hex(key.chain)},
                                     {"memory_mib", key.memory_mib},
                                     {"waiting", pool->waiting.size()},
                                     {"service_us", pool->service_ns / 1'000},
                                     {"instances", std::move(instances)}});
  }
  json::array namespaces;
  for (const auto& [id, share] : shares_) {
    namespaces.push_back(json::object{{"namespace", to_hex(id)},
                                      {"activations", share->activations},
                                      {"waiting", share->waiting.size()},
                                      {"instances", share->held.instances},
                                      {"used_mib_ms", share->usage.at(now) / 1'000}});
  }
  json::array starts;
  for (const StartTimes& times : latest_starts_) starts.push_back(describe(times));
  return json::serialize(json::object{
      {"instances", instances_.size()},
      {"instances_max", limits_.instances_max},
      {"memory_mib", held_.memory_mib},
      {"memory_mib_max", limits_.memory_mib_max},
      {"epc_mib", held_.epc_mib},
      {"epc_mib_max", limits_.epc_mib_max},
      {"activations", activations_.size()},
      {"waiting", waiting_},
      {"waiting_bytes", waiting_bytes_},
      {"functions", std::move(functions)},
      {"namespaces", std::move(namespaces)},
      {"counters", describe(counters_)},
      {"latest_cold_starts", std::move(starts)},
  });
}

}  // namespace clemmys::controller
