// scheduler_fixture.h: a scheduler with a clock, instances and a gateway that are played by the test.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <vector>

#include "controller/scheduler.h"

namespace clemmys::controller {

using wire::Header;
using wire::Kind;
using wire::PlatformErrorCode;

constexpr std::uint64_t kNow = 1'800'000'000'000;

// FakeInvoker records what the scheduler asks for; the test plays the instances.
struct FakeInvoker final : Invoker {
  struct Run {
    InstanceId instance;
    Header header;
  };
  std::vector<InstanceId> started;
  std::vector<Run> runs;
  std::vector<InstanceId> stopped;
  bool has_image = true;
  std::uint64_t image_bytes = 0;

  Result<std::uint64_t> image_size(const Measurement&) override { return image_bytes; }
  Status start(InstanceId instance, const InstanceSpec&) override {
    if (!has_image) return Error{ErrorCode::kNotFound, "test.image"};
    started.push_back(instance);
    return {};
  }
  void run(InstanceId instance, Packet envelope) override {
    runs.push_back({instance, *wire::decode_header(envelope.view())});
  }
  void stop(InstanceId instance) override { stopped.push_back(instance); }
};

struct FakeAnswers final : Answers {
  std::vector<std::uint64_t> events, finished;
  std::vector<std::pair<std::uint64_t, wire::PlatformError>> failures;
  void event(Request request, Packet) override { events.push_back(request.number); }
  void done(Request request, Packet) override { finished.push_back(request.number); }
  void failed(Request request, const wire::PlatformError& error) override {
    failures.emplace_back(request.number, error);
  }
};

template <typename Fixed>
Fixed numbered(std::uint8_t number) {
  Fixed value;
  value.bytes[0] = number;
  return value;
}

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() { limits.host_process_mib = 0; }
  SchedulerLimits limits;
  FakeClock clock{kNow};
  FakeInvoker invoker;
  FakeAnswers answers;
  std::optional<Scheduler> scheduler;

  Scheduler& make() { return scheduler.emplace(limits, clock, invoker, answers); }

  static Header request(std::uint8_t activation, std::uint16_t steps = 1, std::uint8_t function = 1) {
    Header header;
    header.steps = steps;
    header.activation = numbered<ActivationId>(activation);
    header.chain = numbered<ChainId>(function);
    header.receiver = numbered<FunctionId>(function);
    header.image = numbered<Measurement>(function);
    header.memory_mib = 128;
    header.timeout_ms = 1'000;
    header.deadline_unix_ms = kNow + 60'000;
    header.payload_size = 256;
    return header;
  }
  static Header result_of(Header header) {
    header.kind = Kind::kResult;
    header.step = header.steps;
    header.receiver = {};
    header.image = {};
    return header;
  }
  // own_of is an event or an early end of the step that `header` addresses.
  static Header own_of(Header header, Kind kind) {
    header.kind = kind;
    header.receiver = {};
    header.image = {};
    return header;
  }
  static Header next_of(Header header) {
    ++header.step;
    return header;
  }
  static Packet envelope(const Header& header) {
    Bytes bytes;
    wire::encode_header(header, bytes);
    bytes.resize(bytes.size() + header.payload_size + 16);
    return Packet::copy_of(bytes);
  }
  void run(std::uint64_t number, const Header& header, std::uint8_t owner = 1) {
    scheduler->run({ClientId{1}, number, numbered<NamespaceId>(owner)}, envelope(header));
  }
  void ready(InstanceId instance, bool was_waiting = false) {
    scheduler->instance_ready(instance, {.was_waiting = was_waiting});
  }
  void output(InstanceId instance, const Header& header) {
    scheduler->instance_output(instance, envelope(header));
  }
  boost::json::object counters() {
    return boost::json::parse(scheduler->status_json()).at("counters").as_object();
  }
};

}  // namespace clemmys::controller
