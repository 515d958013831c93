#include "runtime/native/key_source.h"

#include <algorithm>

#include "base/codec.h"

namespace clemmys::runtime {

// relay sends one request frame and waits for its answer; the invoker sends nothing else meanwhile.
Result<Bytes> KeySource::relay(wire::KmsFrame type, ByteView body) {
  Writer request;
  request.u8(static_cast<std::uint8_t>(type));
  request.raw(body);
  link_.queue(wire::InstanceFrame::kKmsRequest, request.bytes());
  TRY(link_.flush());
  wire::Frame frame = TRY(link_.receive());
  if (frame.type != static_cast<std::uint8_t>(wire::InstanceFrame::kKmsAnswer) || frame.body.empty()) {
    return Error{ErrorCode::kCorrupt, "runtime.keys.answer_frame"};
  }
  const auto kind = static_cast<wire::KmsFrame>(frame.body[0]);
  frame.body.erase(frame.body.begin());
  if (kind == wire::KmsFrame::kAnswer) return std::move(frame.body);
  // A refusal is unauthenticated: the host can make it up. It only ever ends this attempt.
  return Error{ErrorCode::kDenied, "runtime.keys.refused",
               std::string(as_text(frame.body.empty() ? ByteView() : ByteView(frame.body).subspan(1)))};
}

Status KeySource::open() {
  if (session_) return Error{ErrorCode::kExists, "runtime.keys.second_session"};
  const Bytes nonce_bytes = TRY(relay(wire::KmsFrame::kNonce, {}));
  wire::SessionClient client(wire::Role::kFunction, TRY(wire::decode_nonce(nonce_bytes)));
  attest::ReportData report_data;
  report_data.bytes = client.report_data().bytes;
  const Bytes hello = client.hello(TRY(attester_.evidence(report_data)));
  const Bytes accepted = TRY(relay(wire::KmsFrame::kHello, hello));
  session_.emplace(TRY(client.accept(accepted)));
  return {};
}

Result<wire::StepKeys> KeySource::step_keys(const wire::GetStepKeys& request) {
  if (!session_) return Error{ErrorCode::kUnavailable, "runtime.keys.no_session"};
  const Bytes sealed =
      TRY(relay(wire::KmsFrame::kMessage, session_->seal(wire::encode(wire::FunctionRequest(request)))));
  Bytes opened = TRY(session_->open(sealed));
  auto decoded = wire::decode_answer(opened);
  wipe(opened.data(), opened.size());
  wire::Answer answer = TRY(std::move(decoded));
  time_floor_unix_ms_ = std::max(time_floor_unix_ms_, answer.time_floor_unix_ms);
  auto keys = wire::decode_step_keys(answer.body);
  wipe(answer.body.data(), answer.body.size());
  return keys;
}

}  // namespace clemmys::runtime
