#include "runtime/native/instance.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/codec.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "runtime/native/key_source.h"
#include "wire/padding.h"

namespace clemmys::runtime {
namespace {

constexpr int kLinkDescriptor = 3;
constexpr std::size_t kEnvelopeOverhead = 1u << 20;  // header, receipts of a long chain, tag
CallLog* g_log = nullptr;                            // the log of this process's instance, while it serves

bool is(const wire::Frame& frame, wire::InstanceFrame type) {
  return frame.type == static_cast<std::uint8_t>(type);
}

void refuse(Link& link, const Error& error) {
  Writer body;
  body.u8(static_cast<std::uint8_t>(error.code));
  body.raw(as_bytes(error.site));
  link.queue(wire::InstanceFrame::kRefusedEnvelope, body.bytes());
}

void answer(Link& link, Result<StepOutput> output) {
  if (!output) return refuse(link, output.error());
  link.queue(wire::InstanceFrame::kEvent, output->event);
  if (output->retire) link.queue(wire::InstanceFrame::kRetire, {});
  link.queue(wire::InstanceFrame::kOutput, output->output);
}

Status serve_descriptor_3(const Program& program) {
  TRY(crypto::initialize());
  const SystemClock clock;
  CallLog log(clock);
  const std::unique_ptr<attest::Attester> attester = TRY(attest::device_attester());
  g_log = &log;
  Status ended = serve_link(kLinkDescriptor, *attester, clock, log, program);
  g_log = nullptr;
  return ended;
}

// SinkToLog gives what is printed to the log while it lives.
struct SinkToLog {
  explicit SinkToLog(CallLog& log) {
    set_stream_sink([&log](Stream stream, std::string_view piece) { log.append(stream, piece); });
  }
  SinkToLog(const SinkToLog&) = delete;
  SinkToLog& operator=(const SinkToLog&) = delete;
  ~SinkToLog() { set_stream_sink({}); }
};

}  // namespace

Status serve_link(int descriptor, attest::Attester& attester, const Clock& clock, CallLog& log,
                  const Program& program) {
  std::uint64_t started_ns = clock.monotonic_ns();
  Link link(descriptor);
  KeySource keys(link, attester);
  wire::Frame first = TRY(link.receive());
  const bool prewarmed = program.become && is(first, wire::InstanceFrame::kPrewarm);
  if (prewarmed) {
    TRY(keys.open());
    if (program.prepare) program.prepare();
    link.queue(wire::InstanceFrame::kReady, {});
    TRY(link.flush());
    first = TRY(link.receive());
    started_ns = clock.monotonic_ns();
  }
  if (!is(first, wire::InstanceFrame::kAssign))
    return Error{ErrorCode::kCorrupt, "runtime.instance.first_frame"};
  const wire::InstanceAssignment assignment = TRY(wire::decode_assignment(first.body));
  link.limit_frame_size(wire::padme(assignment.payload_size_max) + kEnvelopeOverhead);

  if (!prewarmed) TRY(keys.open());
  BlobSource blobs(link);
  const SinkToLog sink(log);
  StepRunner::Become become;
  if (program.become)
    become = [&](const wire::StepKeys& held, const wire::Header& header) {
      return program.become(held, header, blobs);
    };
  StepRunner runner(
      clock, log, program.call, [&keys](const wire::GetStepKeys& request) { return keys.step_keys(request); },
      {.function = assignment.function,
       .payload_size_max = assignment.payload_size_max,
       .init_ms = std::max<std::uint64_t>(1, (clock.monotonic_ns() - started_ns) / 1'000'000),
       .memory = program.memory},
      std::move(become));
  if (!prewarmed) link.queue(wire::InstanceFrame::kReady, {});
  for (;;) {
    TRY(link.flush());
    const wire::Frame frame = TRY(link.receive());
    if (!is(frame, wire::InstanceFrame::kEnvelope))
      return Error{ErrorCode::kCorrupt, "runtime.instance.frame"};
    answer(link, runner.run(frame.body, [&keys] { return keys.time_floor_unix_ms(); }));
  }
}

bool has_link() {
  struct stat status{};
  return fstat(kLinkDescriptor, &status) == 0 && S_ISSOCK(status.st_mode);
}

void log_line(std::string_view line) {
  if (g_log != nullptr) {
    g_log->add(Stream::kOut, line);
  } else {
    log_info(line);
  }
}

int run_instance(const Handler& handler) {
  return run_program({.prepare = {}, .call = handler, .become = {}});
}

int run_program(const Program& program) {
  set_log_part("function");
  const Status ended = serve_descriptor_3(program);
  if (ended.error().site == "runtime.link.closed") return 0;
  // Only code and site: standard error is the host's.
  log_error(std::string(name(ended.error().code)) + " at " + std::string(ended.error().site));
  // Who cannot write to its link has closed it.
  return ended.error().site == "runtime.link.write" ? 1 : wire::kPlatformFailed;
}

}  // namespace clemmys::runtime
