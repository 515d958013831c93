// api_actions.cc: create, read, list, update and delete actions and sequences. The KMS decides; the gateway
// checks form and takes code in (api_code.cc), so that what the KMS will release keys to is what the user
// sent.
#include "gateway/action_json.h"
#include "gateway/api.h"
#include "gateway/json.h"

namespace clemmys::gateway {
namespace {

// refusal words an error for the user: what this side found wrong with the form, or what the KMS says about
// the definition.
HttpResponse refusal(const Error& error, const HttpRequest& request) {
  if (error.site == "gateway.action.malformed" || error.site == "gateway.action.kind")
    return malformed(error.detail, request);
  const bool worded = error.site.starts_with("gateway.action.") || error.site == "gateway.route.parameter" ||
                      error.site == "wire.kms.refused";
  if (worded && !error.detail.empty()) {
    switch (error.code) {
      case ErrorCode::kInvalid:
      case ErrorCode::kUnsupported:
        return error_response(400, error.detail, request);
      case ErrorCode::kTooLarge:
        return error_response(413, error.detail, request);
      case ErrorCode::kDenied:
        return error_response(403, error.detail, request);
      case ErrorCode::kConflict:
        return error_response(409, error.detail, request);
      default:
        break;
    }
  }
  return error_response(error, request);
}

}  // namespace

Task<HttpResponse> Api::get_actions(const Admitted& call, const HttpRequest& request) {
  auto limit = call.route.number("limit", 30), skip = call.route.number("skip", 0);
  auto count = call.route.flag("count", false);
  if (!limit) co_return refusal(limit.error(), request);
  if (!skip) co_return refusal(skip.error(), request);
  if (!count) co_return refusal(count.error(), request);
  if (*limit > 200)
    co_return error_response(
        400, "The value '" + std::to_string(*limit) + "' is not in the range of 0 to 200 for actions.",
        request);
  const std::vector<ActionPointer> actions = call.snapshot->actions(call.route.namespace_name);
  HttpResponse response;
  JsonWriter json(response.body);
  if (*count) {
    json.open('{').key("actions").number(actions.size()).close('}');
    co_return response;
  }
  const std::size_t take = *limit == 0 ? 200 : *limit;
  json.open('[');
  for (std::size_t i = *skip; i < actions.size() && i - *skip < take; ++i)
    json.raw(action_summary_json(*actions[i]));
  json.close(']');
  co_return response;
}

Task<HttpResponse> Api::get_action(const Admitted& call, const HttpRequest& request) {
  const ActionPointer action =
      call.snapshot->action(call.route.namespace_name, call.route.package, call.route.name);
  if (!action) co_return error_response(404, text::kNotFound, request);
  auto with_code = call.route.flag("code", true);
  if (!with_code) co_return refusal(with_code.error(), request);
  if (!*with_code || wire::is_sequence(action->kind))
    co_return HttpResponse{.body = action_json(*action, std::nullopt)};
  auto code = co_await fetch_code(*call.snapshot, *action);
  if (!code && code.error().code == ErrorCode::kInternal && !code.error().detail.empty())
    co_return error_response(500, code.error().detail, request);
  if (!code) co_return refusal(code.error(), request);
  HttpResponse response{.body = action_json(*action, *code)};
  wipe(code->data(), code->size());
  co_return response;
}

Task<HttpResponse> Api::put_action(const Admitted& call, const HttpRequest& request) {
  const Route& route = call.route;
  auto overwrite = route.flag("overwrite", false);
  if (!overwrite) co_return refusal(overwrite.error(), request);
  const std::shared_ptr<const Snapshot> before = view_.get();
  const ActionPointer old = before->action(route.namespace_name, route.package, route.name);
  if (old && !*overwrite) co_return error_response(409, text::kExists, request);
  auto put = parse_action_put(request.body, route.namespace_name, route.name, old.get(),
                              context_.limits.code_size_max);
  if (!put) co_return refusal(put.error(), request);

  if (put->code) {
    if (const Status stored = co_await store_code(*put); !stored) {
      drop_code(put->action.code_id);
      co_return refusal(stored.error(), request);
    }
  } else if (wire::is_sequence(put->action.kind)) {
    put->action.image = {};
    put->action.code = {};
    put->action.code_id = {};
    put->action.code_size = 0;
  }
  const wire::CodeId new_code = put->action.code_id, old_code = old ? old->code_id : wire::CodeId{};
  wire::PutAction change{.action = std::move(put->action), .expected_revision = old ? old->revision : 0};
  auto done = co_await context_.kms.change(std::move(change));
  if (!done && new_code != old_code) drop_code(new_code);
  if (!done) co_return refusal(done.error(), request);
  if (new_code != old_code) drop_code_later(old_code);
  retire_chains(*before, route.namespace_name);
  const ActionPointer action = view_.get()->action(route.namespace_name, route.package, route.name);
  if (!action) co_return error_response(409, text::kConflict, request);  // somebody deleted it meanwhile
  co_return HttpResponse{.body = action_json(*action, std::nullopt)};
}

Task<HttpResponse> Api::delete_action(const Admitted& call, const HttpRequest& request) {
  const Route& route = call.route;
  const ActionPointer action = call.snapshot->action(route.namespace_name, route.package, route.name);
  if (!action) co_return error_response(404, text::kNotFound, request);
  wire::DeleteAction change{.namespace_name = route.namespace_name,
                            .package = route.package,
                            .name = route.name,
                            .expected_revision = action->revision};
  auto done = co_await context_.kms.change(std::move(change));
  if (!done) co_return refusal(done.error(), request);
  drop_code(action->code_id);  // its key is gone
  retire_chains(*call.snapshot, route.namespace_name);
  co_return HttpResponse{.body = action_json(*action, std::nullopt)};
}

}  // namespace clemmys::gateway
