// api_clemmys.cc: what Clemmys adds to OpenWhisk's API, under /clemmys/v1/.
#include <boost/json/parse.hpp>

#include "crypto/base64.h"
#include "gateway/api.h"
#include "gateway/json.h"

namespace clemmys::gateway {
namespace {

constexpr std::size_t kNonceSize = 32;

void append_base64_field(JsonWriter& json, std::string_view key, ByteView bytes) {
  std::string text;
  crypto::append_base64(text, bytes);
  json.key(key).text(text);
}

}  // namespace

// evidence relays the KMS's fresh quote over the client's nonce: the client judges it, the gateway need not
// be believed.
Task<HttpResponse> Api::evidence(const Admitted& call, const HttpRequest& request) {
  auto nonce = from_hex(call.route.parameter("nonce").value_or(""));
  if (!nonce || nonce->size() != kNonceSize)
    co_return error_response(400, "The query parameter 'nonce' must be 64 lower-case hexadecimal digits.",
                             request);
  auto answer = co_await context_.kms.evidence(std::move(*nonce));
  if (!answer) co_return error_response(answer.error(), request);
  auto evidence = wire::decode_evidence(*answer);
  if (!evidence) co_return error_response(evidence.error(), request);
  HttpResponse response;
  JsonWriter json(response.body);
  json.open('{');
  append_base64_field(json, "quote", evidence->quote);
  append_base64_field(json, "ca_certificate", evidence->ca_certificate_der);
  json.key("root_policy").text(as_text(evidence->root_policy));
  append_base64_field(json, "collateral", evidence->collateral);
  json.close('}');
  co_return response;
}

// claim turns a one-time token into a namespace's first user. The key is in this answer and nowhere else.
Task<HttpResponse> Api::claim(const Admitted& call, const HttpRequest& request) {
  boost::json::error_code error;
  const auto body =
      boost::json::parse(boost::json::string_view(request.body.data(), request.body.size()), error);
  const auto* fields = error ? nullptr : body.if_object();
  const auto* token = fields ? fields->if_contains("token") : nullptr;
  if (!token || !token->is_string()) co_return malformed("Expected an object with a token.", request);
  if (!is_entity_name(call.route.namespace_name)) co_return error_response(400, text::kIllegalName, request);
  wire::ClaimNamespace claim{.namespace_name = call.route.namespace_name,
                             .token = std::string(token->get_string().data(), token->get_string().size())};
  auto answer = co_await context_.kms.change(std::move(claim));
  if (!answer && answer.error().code == ErrorCode::kDenied)
    co_return error_response(403, text::kBadToken, request);
  if (!answer) co_return error_response(answer.error(), request);
  auto user = wire::decode_new_user(*answer);
  if (!user) co_return error_response(user.error(), request);
  HttpResponse response;
  JsonWriter json(response.body);
  json.open('{').key("namespace").text(call.route.namespace_name).key("subject").text(user->subject);
  json.key("uuid").text(user->uuid).key("key").text(user->key).close('}');
  co_return response;
}

Task<HttpResponse> Api::status(const Admitted& call, const HttpRequest& request) {
  auto controller = co_await context_.controller.call(wire::ControllerFrame::kStatus, {});
  if (!controller) co_return error_response(controller.error(), request);
  if (!inspect_json(as_text(*controller)))
    co_return error_response(500, "The controller's status is not valid.", request);
  HttpResponse response;
  JsonWriter json(response.body);
  json.open('{').key("controller").raw(as_text(*controller)).key("gateway").open('{');
  json.key("view_revision").number(call.snapshot->revision());
  json.key("activations").number(context_.metrics.activations.value());
  json.key("activations_open").number(context_.metrics.activations_open.value());
  json.key("connections_open").number(context_.metrics.connections_open.value());
  json.key("answers_refused").number(context_.metrics.answers_refused.value()).close('}').close('}');
  co_return response;
}

}  // namespace clemmys::gateway
