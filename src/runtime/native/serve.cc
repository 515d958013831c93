// The public interface on top of handler.h.
#include <clemmys/function.h>

#include <exception>
#include <new>

#include "runtime/native/handler.h"

namespace clemmys {

Response Response::json(std::string_view text) { return {ContentType::kJson, {text.begin(), text.end()}}; }
Response Response::bytes(std::vector<std::uint8_t> body) { return {ContentType::kOctets, std::move(body)}; }

void log(std::string_view line) { runtime::log_line(line); }

namespace {

runtime::Reply call(const Handler& handler, const runtime::Call& in) {
  using Kind = runtime::Reply::Kind;
  Request request{
      in.is_json ? ContentType::kJson : ContentType::kOctets,
      in.body,
      {in.activation_id, in.action_name, in.action_version, in.namespace_name, in.deadline_unix_ms},
      in.parameters_json};
  try {
    Result<Response> result = handler(request);
    if (!result) return {Kind::kFailure, true, {}, std::move(result.error().message)};
    return {Kind::kAnswer, result->content_type == ContentType::kJson, std::move(result->body), {}};
  } catch (const std::bad_alloc&) {
    return {Kind::kOutOfMemory, true, {}, {}};
  } catch (const std::exception& problem) {
    return {Kind::kException, true, {}, problem.what()};
  } catch (...) {
    return {Kind::kException, true, {}, "an exception that is not a std::exception"};
  }
}

}  // namespace

int serve(Handler handler) {
  const runtime::Handler inner = [&handler](const runtime::Call& in) { return call(handler, in); };
  return runtime::has_link() ? runtime::run_instance(inner) : runtime::run_local(inner);
}

}  // namespace clemmys
