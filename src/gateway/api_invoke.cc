// api_invoke.cc: POST on an action. A blocking answer is given when the result has been checked; the finished
// record is on its way to the store in the same write. A non-blocking 202 is given once the pending record is
// durable, so that every id that a client was promised resolves (README.md, "What a crash loses").
#include "gateway/action_json.h"
#include "gateway/activation_run.h"
#include "gateway/json.h"
#include "gateway/lasting_runs.h"

namespace clemmys::gateway {
namespace {

constexpr std::uint64_t kExactTimerMsMax =
    5'000;  // shorter waits get a timer of their own, longer ones the tick

constexpr unsigned kRetryAfterSeconds = 1;

struct InvokeOptions {
  bool blocking = false, result_only = false;
  std::uint64_t wait_ms = 0;
};

Result<InvokeOptions> parse_options(const Route& route, const ApiLimits& limits) {
  InvokeOptions options;
  options.blocking = TRY(route.flag("blocking", false));
  options.result_only = TRY(route.flag("result", false));
  options.wait_ms = TRY(route.number("timeout", limits.blocking_wait_ms_max));
  if (options.wait_ms == 0 || options.wait_ms > limits.blocking_wait_ms_max)
    return Error{ErrorCode::kInvalid, "gateway.invoke.timeout",
                 "The value '" + std::to_string(options.wait_ms) + "' is not in the range of 1 to " +
                     std::to_string(limits.blocking_wait_ms_max) + " for timeout."};
  return options;
}

std::optional<wire::ContentType> content_type(std::string_view header) {
  const std::string_view type = header.substr(0, header.find(';'));
  if (type.empty() || type == "application/json") return wire::ContentType::kJson;
  if (type == "application/octet-stream" || type.starts_with("image/")) return wire::ContentType::kOctets;
  return std::nullopt;
}

// check_parameters: a JSON object; parameters that the action declares final may not be overridden.
Status check_parameters(const wire::Action& action, std::string_view body) {
  const bool final = has_final_parameters(action);
  std::vector<std::string> keys;
  const JsonFacts facts = TRY(inspect_json(body, final ? &keys : nullptr));
  if (facts.shape != JsonShape::kObject) return Error{ErrorCode::kInvalid, "gateway.invoke.shape"};
  for (const std::string& key : keys)
    if (is_own_parameter(action, key)) return Error{ErrorCode::kInvalid, "gateway.invoke.reserved"};
  return {};
}

HttpResponse accepted(const ActivationId& id) {
  HttpResponse response{.status = 202};
  response.activation = to_hex(id);
  response.body = R"({"activationId":")" + response.activation + "\"}";
  return response;
}

HttpResponse answer(const ActivationRecord& record, bool result_only, const HttpRequest& request) {
  if (record.platform_error == "no_capacity") {
    HttpResponse response = busy_response(503, text::kNoCapacity, kRetryAfterSeconds, request);
    response.activation = to_hex(record.activation);
    return response;
  }
  HttpResponse response;
  response.activation = to_hex(record.activation);
  switch (record.status) {
    case ActivationStatus::kSuccess:
      response.status = 200;
      break;
    case ActivationStatus::kApplicationError:
    case ActivationStatus::kDeveloperError:
      response.status = 502;
      break;
    case ActivationStatus::kPlatformError:
      response.status = 500;
      break;
  }
  const std::string_view result = as_text(record.result);
  const bool octets = record.result_type == wire::ContentType::kOctets;
  const std::size_t start = octets ? result.npos : result.find_first_not_of(" \t\r\n");
  const bool array = start != result.npos && result[start] == '[';  // upstream answers arrays bare
  if (result_only || array) {
    response.type = octets ? BodyType::kOctets : BodyType::kJson;
    response.body = result;
  } else {
    response.body = record_json(record, Logs::kOmit);
  }
  return response;
}

}  // namespace

Task<HttpResponse> Api::invoke(const Admitted& call, const HttpRequest& request) {
  auto options = parse_options(call.route, context_.limits);
  if (!options) co_return error_response(400, options.error().detail, request);
  const auto type = content_type(request.content_type);
  if (!type)
    co_return error_response(415,
                             "The request's Content-Type is not supported. Expected: application/json, "
                             "application/octet-stream or image/*",
                             request);
  const ActionPointer action =
      call.snapshot->action(call.route.namespace_name, call.route.package, call.route.name);
  if (!action) co_return error_response(404, text::kNotFound, request);
  const NamespacePointer owner = call.snapshot->find_namespace(call.route.namespace_name);
  const ChainPointer chain = call.snapshot->chain(action->chain);
  if (!owner || !chain)
    co_return error_response(404, "The action cannot run: a component of it is missing.", request);

  std::string_view body = request.body;
  if (*type == wire::ContentType::kJson) {
    if (body.empty()) body = "{}";
    if (auto checked = check_parameters(*action, body); !checked) {
      const bool reserved = checked.error().site == "gateway.invoke.reserved";
      co_return error_response(400, reserved ? text::kReserved : text::kNotJsonObject, request);
    }
  }
  if (*in_flight_ >= context_.limits.in_flight_max)
    co_return busy_response(503, text::kNoCapacity, kRetryAfterSeconds, request);
  Throttle::Ticket ticket;
  if (const auto refusal = context_.throttle.admit(owner->id, request.received_unix_ms, ticket))
    co_return busy_response(429, refusal->text, refusal->retry_after_s, request);

  InvocationInput input{.owner = owner,
                        .action = action,
                        .chain = chain,
                        .subject = call.user->subject,
                        .type = *type,
                        .body = to_bytes(body),
                        .now_unix_ms = request.received_unix_ms};
  if (!action->components.empty()) {
    for (const wire::ChainStep& step : chain->steps) {
      const std::string_view full =
          std::string_view(step.action).substr(step.action.starts_with('/') ? 1 : 0);
      const std::size_t slash = full.find('/');
      input.components.push_back(
          slash == full.npos ? nullptr
                             : call.snapshot->action(full.substr(0, slash), "", full.substr(slash + 1)));
    }
  }
  auto run =
      std::make_shared<ActivationRun>(shared_context_, std::move(input), in_flight_, std::move(ticket));
  const ActivationId id = run->invocation().activation();

  if (!options->blocking) {
    auto stored = co_await context_.controller.call(wire::ControllerFrame::kPutRecord, run->pending_record());
    if (!stored) co_return error_response(stored.error(), request);
  } else {
    lasting_->watch(run);
  }
  if (auto sent = context_.controller.run(owner->id, run->invocation().envelope(), run); !sent) {
    wire::PlatformError away{.code = wire::PlatformErrorCode::kShutdown};
    run->on_end(wire::ControllerFrame::kFailed, wire::encode(away));
    co_return error_response(sent.error(), request);
  }
  run->invocation().drop_envelope();
  if (!options->blocking) co_return accepted(id);

  if (options->wait_ms <= kExactTimerMsMax) {
    context_.after(options->wait_ms, [weak = std::weak_ptr(run)] {
      if (auto still = weak.lock()) still->stop_waiting();
    });
  }
  const ActivationRun::Wait outcome = co_await run->wait_until(request.received_unix_ms + options->wait_ms);
  if (outcome == ActivationRun::Wait::kFinished)
    co_return answer(run->finished()->record, options->result_only, request);
  // From here on the client relies on the id alone.
  if (!run->finished()) {
    auto stored = co_await context_.controller.call(wire::ControllerFrame::kPutRecord, run->pending_record());
    if (!stored) co_return error_response(stored.error(), request);
  }
  co_return accepted(id);
}

}  // namespace clemmys::gateway
