#include "gateway/api.h"

#include "gateway/auth.h"
#include "gateway/json.h"
#include "gateway/lasting_runs.h"

namespace clemmys::gateway {
namespace {

constexpr std::size_t kSmallBodyMax = 64u << 10;  // claims, and requests that need no body

// Method checks: a resource answers exactly these.
bool allows(Resource resource, Method method) {
  switch (resource) {
    case Resource::kAction:
      return method == Method::kGet || method == Method::kPut || method == Method::kPost ||
             method == Method::kDelete;
    case Resource::kClaim:
      return method == Method::kPost;
    case Resource::kUnknown:
    case Resource::kOtherCollection:
      return true;  // refused by what they are
    default:
      return method == Method::kGet;
  }
}

bool needs_user(Resource resource) {
  switch (resource) {
    case Resource::kInfo:
    case Resource::kEvidence:
    case Resource::kClaim:
    case Resource::kHealth:
    case Resource::kMetrics:
    case Resource::kUnknown:
      return false;
    default:
      return true;
  }
}

HttpResponse json_response(std::string body) {
  return {.status = 200, .type = BodyType::kJson, .body = std::move(body)};
}

std::string info_json() {
  return R"({"description":"OpenWhisk API","api_version":"1.0.0","api_version_path":"v1","build":"clemmys","buildno":"0.1.0",)"
         R"("swagger_paths":{"ui":"/docs/index.html","api-docs":"/api-docs"}})";
}

std::string limits_json(const ApiLimits& limits) {
  std::string out;
  JsonWriter json(out);
  constexpr std::uint64_t kUnlimited = 2147483647;  // as OpenWhisk's clients expect a number
  const auto number = [](std::uint64_t limit) { return limit == 0 ? kUnlimited : limit; };
  json.open('{')
      .key("invocationsPerMinute")
      .number(number(limits.per_namespace.per_minute))
      .key("concurrentInvocations")
      .number(number(limits.per_namespace.concurrent));
  json.key("firesPerMinute").number(0).key("allowedKinds").open('[');
  for (const wire::ActionKind& kind : wire::all_kinds()) json.text(kind.name);
  json.close(']');
  json.key("storeActivations").boolean(true);
  json.key("maxParameterSize").text(std::to_string(limits.payload_size_max) + " B");
  json.key("minActionMemory").number(128).key("maxActionMemory").number(512);
  json.key("minActionTimeout").number(100).key("maxActionTimeout").number(300'000);
  json.key("minActionLogs").number(0).key("maxActionLogs").number(10);
  json.key("minActionConcurrency").number(1).key("maxActionConcurrency").number(1);
  json.key("maxActionInstances").number(kUnlimited).close('}');
  return out;
}

}  // namespace

void OpenActivations::insert(const ActivationId& id) {
  const std::lock_guard lock(mutex_);
  ids_.insert(id);
}
void OpenActivations::erase(const ActivationId& id) {
  const std::lock_guard lock(mutex_);
  ids_.erase(id);
}
bool OpenActivations::contains(const ActivationId& id) const {
  const std::lock_guard lock(mutex_);
  return ids_.contains(id);
}
std::size_t OpenActivations::Hash::operator()(const ActivationId& id) const {
  std::size_t hash;  // ids are random
  std::memcpy(&hash, id.bytes.data(), sizeof hash);
  return hash;
}

Api::Api(ApiContext context)
    : shared_context_(std::make_shared<const ApiContext>(std::move(context))),
      context_(*shared_context_),
      view_(context_.view),
      lasting_(std::make_shared<LastingRuns>(shared_context_)) {}

std::variant<Admitted, HttpResponse> Api::admit(const HttpRequest& head) {
  Admitted call;
  auto route = parse_target(head.target);
  if (!route) return error_response(400, "The request has an illegal target.", head);
  call.route = std::move(*route);
  call.snapshot = view_.get();
  const Resource resource = call.route.resource;

  if (head.method == Method::kOptions && resource != Resource::kUnknown)
    return HttpResponse{.status = 200, .type = BodyType::kNone};
  if (needs_user(resource)) {
    auto user = authenticate(*call.snapshot, head.authorization);
    if (!user) {
      context_.metrics.authentication_failures.add();
      return error_response(401, head.authorization.empty() ? text::kNoCredentials : text::kBadCredentials,
                            head);
    }
    call.user = *user;
    if (call.route.namespace_name == "_" || call.route.namespace_name.empty())
      call.route.namespace_name = call.user->namespace_name;
    if (call.route.namespace_name != call.user->namespace_name)
      return error_response(403, text::kNotAuthorized, head);
  }
  if (resource == Resource::kUnknown) return error_response(404, text::kNotFound, head);
  if (resource == Resource::kOtherCollection) return error_response(501, text::kNoPackages, head);
  if (!allows(resource, head.method)) return error_response(405, "HTTP method not allowed.", head);
  if (resource == Resource::kAction || resource == Resource::kPackageActions) {
    for (const std::string* name : {&call.route.package, &call.route.name}) {
      if (name->size() > kEntityNameSizeMax) return error_response(400, text::kLongName, head);
      if (!name->empty() && !is_entity_name(*name)) return error_response(400, text::kIllegalName, head);
    }
    if (!call.route.package.empty())
      return error_response(head.method == Method::kPut ? 501 : 404,
                            head.method == Method::kPut ? text::kNoPackages : text::kNotFound, head);
  }

  call.body_size_max = kSmallBodyMax;
  if (resource == Resource::kAction && head.method == Method::kPost)
    call.body_size_max = context_.limits.payload_size_max;
  // Code travels inside JSON, as base64 or as text with escapes.
  if (resource == Resource::kAction && head.method == Method::kPut)
    call.body_size_max = context_.limits.code_size_max / 3 * 4 + (1u << 20);
  return call;
}

Task<HttpResponse> Api::handle(const Admitted& call, const HttpRequest& request) {
  switch (call.route.resource) {
    case Resource::kInfo:
      co_return json_response(info_json());
    case Resource::kNamespaces: {
      std::string body;
      JsonWriter(body).open('[').text(call.user->namespace_name).close(']');
      co_return json_response(std::move(body));
    }
    case Resource::kLimits:
      co_return json_response(limits_json(context_.limits));
    case Resource::kActions:
      co_return co_await get_actions(call, request);
    case Resource::kAction:
      switch (request.method) {
        case Method::kPost:
          co_return co_await invoke(call, request);
        case Method::kPut:
          co_return co_await put_action(call, request);
        case Method::kDelete:
          co_return co_await delete_action(call, request);
        default:
          co_return co_await get_action(call, request);
      }
    case Resource::kActivations:
      co_return co_await get_activations(call, request);
    case Resource::kActivation:
    case Resource::kActivationLogs:
    case Resource::kActivationResult:
      co_return co_await get_activation(call, request);
    case Resource::kEvidence:
      co_return co_await evidence(call, request);
    case Resource::kClaim:
      co_return co_await claim(call, request);
    case Resource::kHealth:
      co_return json_response(R"({"status":"ok"})");
    case Resource::kMetrics:
      co_return HttpResponse{.status = 200, .type = BodyType::kText, .body = context_.metrics.prometheus()};
    case Resource::kStatus:
      co_return co_await status(call, request);
    case Resource::kPackageActions:
    case Resource::kOtherCollection:
    case Resource::kUnknown:
      break;
  }
  co_return error_response(404, text::kNotFound, request);
}

}  // namespace clemmys::gateway
