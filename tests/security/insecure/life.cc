// life.cc: a generic instance that becomes another function whenever the host says so.
#include <optional>

#include "base/codec.h"
#include "crypto/crypto.h"
#include "runtime/native/instance.h"
#include "runtime/native/key_source.h"

namespace clemmys::runtime {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: life";

static Status serve(const Program& program) {
  TRY(crypto::initialize());
  const SystemClock clock;
  CallLog log(clock);
  const std::unique_ptr<attest::Attester> attester = TRY(attest::device_attester());
  Link link(3);
  link.limit_frame_size(2u << 20);
  KeySource keys(link, *attester);
  BlobSource blobs(link);
  std::optional<StepRunner> runner;
  for (;;) {
    TRY(link.flush());
    const wire::Frame frame = TRY(link.receive());
    if (frame.type == static_cast<std::uint8_t>(wire::InstanceFrame::kAssign)) {
      if (!runner) {
        TRY(keys.open());
        link.queue(wire::InstanceFrame::kReady, {});
      }
      const wire::InstanceAssignment assignment = TRY(wire::decode_assignment(frame.body));
      runner.emplace(
          clock, log, program.call,
          [&keys](const wire::GetStepKeys& request) { return keys.step_keys(request); },
          StepRunner::Limits{.function = assignment.function, .memory = program.memory},
          [&](const wire::StepKeys& held, const wire::Header& header) {
            return program.become(held, header, blobs);
          });
      continue;
    }
    auto output = runner.value().run(frame.body, [&keys] { return keys.time_floor_unix_ms(); });
    if (!output) {
      Writer refusal;
      refusal.u8(static_cast<std::uint8_t>(output.error().code));
      refusal.raw(as_bytes(output.error().site));
      link.queue(wire::InstanceFrame::kRefusedEnvelope, refusal.bytes());
      continue;
    }
    link.queue(wire::InstanceFrame::kEvent, output->event);
    link.queue(wire::InstanceFrame::kOutput, output->output);
  }
}

int run_program(const Program& program) {
  (void)serve(program);
  return wire::kPlatformFailed;
}

}  // namespace clemmys::runtime
