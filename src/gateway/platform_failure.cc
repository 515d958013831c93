#include "gateway/platform_failure.h"

#include "gateway/json.h"

namespace clemmys::gateway {
namespace {

std::string_view word(wire::PlatformErrorCode code) {
  switch (code) {
    case wire::PlatformErrorCode::kNoCapacity:
      return "no_capacity";
    case wire::PlatformErrorCode::kInstanceDied:
      return "instance_died";
    case wire::PlatformErrorCode::kTimeout:
      return "timeout";
    case wire::PlatformErrorCode::kBadImage:
      return "bad_image";
    case wire::PlatformErrorCode::kRefused:
      return "refused";
    case wire::PlatformErrorCode::kShutdown:
      return "shutdown";
    case wire::PlatformErrorCode::kFunctionDied:
      return "function_died";
    case wire::PlatformErrorCode::kStartFailed:
      return "start_failed";
    case wire::PlatformErrorCode::kOverMemory:
      return "over_memory";
  }
  return "unknown";
}

// is_functions_fault: what OpenWhisk calls a developer error. Nobody can authenticate it.
bool is_functions_fault(wire::PlatformErrorCode code) {
  using enum wire::PlatformErrorCode;
  return code == kTimeout || code == kBadImage || code == kFunctionDied || code == kStartFailed ||
         code == kOverMemory;
}

std::string message(wire::PlatformErrorCode code, const wire::Limits& limits) {
  switch (code) {
    case wire::PlatformErrorCode::kNoCapacity:
      return "The platform has no capacity for this action at the moment.";
    case wire::PlatformErrorCode::kTimeout:
      return wire::text::time_exceeded(limits.timeout_ms);
    case wire::PlatformErrorCode::kBadImage:
      return "The image of the action could not be started.";
    case wire::PlatformErrorCode::kInstanceDied:
      return "The instance that ran the action ended before it answered.";
    case wire::PlatformErrorCode::kRefused:
      return "The instance refused the request.";
    case wire::PlatformErrorCode::kFunctionDied:
      return std::string(wire::text::kAbnormalRun);
    case wire::PlatformErrorCode::kStartFailed:
      return std::string(wire::text::kAbnormalStart);
    case wire::PlatformErrorCode::kOverMemory:
      return std::string(wire::text::kMemoryExhausted);
    case wire::PlatformErrorCode::kShutdown:
      break;
  }
  return "The platform ended the activation.";
}

}  // namespace

void set_failure(ActivationRecord& record, const wire::PlatformError& error) {
  record.timed_out = error.code == wire::PlatformErrorCode::kTimeout;
  record.status =
      is_functions_fault(error.code) ? ActivationStatus::kDeveloperError : ActivationStatus::kPlatformError;
  record.platform_error = word(error.code);
  std::string result;
  JsonWriter(result).open('{').key("error").text(message(error.code, record.limits)).close('}');
  record.result = to_bytes(result);
}

}  // namespace clemmys::gateway
