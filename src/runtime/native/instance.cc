// The instance's life: assignment, attestation, then envelopes one at a time. Whatever is wrong with the link ends the process: the invoker
// starts another one.
#include <sys/stat.h>
#include <unistd.h>

#include <exception>

#include "base/codec.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "runtime/native/key_source.h"
#include "runtime/native/step_runner.h"

namespace clemmys::runtime {

namespace {

constexpr int kLinkDescriptor = 3;
CallLog* g_log = nullptr;  // the log of this process's instance; set before the first call

bool is(const wire::Frame& frame, wire::InstanceFrame type) { return frame.type == static_cast<std::uint8_t>(type); }

void refuse(Link& link, const Error& error) {
  Writer body;
  body.u8(static_cast<std::uint8_t>(error.code));
  body.text(error.site);
  link.queue(wire::InstanceFrame::kRefusedEnvelope, body.bytes());
}

Status serve_link(const Handler& handler) {
  TRY(crypto::initialize());
  const SystemClock clock;
  const std::uint64_t started = clock.unix_ms();
  Link link(kLinkDescriptor);
  const wire::Frame first = TRY(link.receive());
  if (!is(first, wire::InstanceFrame::kAssign)) return Error{ErrorCode::kInvalid, "runtime.instance.first_frame"};
  const wire::InstanceAssignment assignment = TRY(wire::decode_assignment(first.body));

  const std::unique_ptr<attest::Attester> attester = TRY(attest::device_attester());
  KeySource keys(link, *attester);
  TRY(keys.open());
  CallLog call_log(clock);
  call_log.redirect_standard_streams();
  g_log = &call_log;
  StepRunner runner(clock, call_log, handler, [&keys](const wire::GetStepKeys& request) { return keys.step_keys(request); },
                    {.function = assignment.function,
                     .payload_size_max = std::min<std::uint64_t>(assignment.payload_size_max, wire::kPayloadSizeMaxHard),
                     .init_ms = std::max<std::uint64_t>(1, clock.unix_ms() - started)});
  link.queue(wire::InstanceFrame::kReady, {});
  for (;;) {
    TRY(link.flush());
    const wire::Frame frame = TRY(link.receive());
    if (!is(frame, wire::InstanceFrame::kEnvelope)) return Error{ErrorCode::kInvalid, "runtime.instance.frame"};
    auto output = runner.run(frame.body, [&keys] { return keys.time_floor_unix_ms(); });
    if (output) {
      link.queue(wire::InstanceFrame::kEvent, output->event);
      link.queue(wire::InstanceFrame::kOutput, output->output);
    } else {
      refuse(link, output.error());
    }
  }
}

}  // namespace

bool has_link() {
  struct stat status {};
  return fstat(kLinkDescriptor, &status) == 0 && S_ISSOCK(status.st_mode);
}

void log_line(std::string_view line) {
  if (g_log != nullptr) {
    g_log->add("stdout", line);
  } else {
    log_info(line);
  }
}

int run_instance(const Handler& handler) {
  set_log_part("function");
  const Status ended = serve_link(handler);
  g_log = nullptr;
  if (!ended && ended.error().site == "runtime.link.closed") return 0;
  // Only code and site: standard error may still be the host's here.
  log_error(std::string(name(ended.error().code)) + " at " + std::string(ended.error().site));
  return 1;
}

}  // namespace clemmys::runtime
