// record_json.cc: records in the shapes that OpenWhisk's clients read
// (apache/openwhisk, docs/actions.md, "Understanding the activation record").
#include "crypto/base64.h"
#include "gateway/json.h"
#include "gateway/record.h"

namespace clemmys::gateway {
namespace {

void append_result(std::string& out, const ActivationRecord& record) {
  if (record.result_type == wire::ContentType::kJson) {
    out.append(as_text(record.result));
    return;
  }
  out.append(R"({"bytes_base64":")");
  crypto::append_base64(out, record.result);
  out.append(R"("})");
}

void append_annotations(JsonWriter& json, const ActivationRecord& record) {
  const auto annotation = [&](std::string_view key) -> JsonWriter& {
    return json.open('{').key("key").text(key).key("value");
  };
  std::string path = record.namespace_name;
  if (!record.package.empty()) path.append("/").append(record.package);
  path.append("/").append(record.name);
  json.key("annotations").open('[');
  if (record.sequence) annotation("topmost").boolean(true).close('}');
  annotation("path").text(path).close('}');
  if (!record.cause.is_zero()) annotation("causedBy").text("sequence").close('}');
  if (!record.sequence) annotation("waitTime").number(record.wait_ms).close('}');
  annotation("kind").text(record.kind).close('}');
  if (!record.sequence) annotation("timeout").boolean(record.timed_out).close('}');
  annotation("limits").open('{');
  json.key("concurrency").number(record.limits.concurrency).key("logs").number(record.limits.logs_mib);
  json.key("memory")
      .number(record.limits.memory_mib)
      .key("timeout")
      .number(record.limits.timeout_ms)
      .close('}')
      .close('}');
  if (record.init_ms > 0) annotation("initTime").number(record.init_ms).close('}');
  // The host says so and nobody can check it: such an end never carries a function's result.
  if (!record.platform_error.empty())
    annotation("unauthenticatedPlatformError").text(record.platform_error).close('}');
  json.close(']');
}

void append_logs(JsonWriter& json, const ActivationRecord& record) {
  json.key("logs").open('[');
  for (const ActivationId& component : record.components) json.text(to_hex(component));
  std::string_view rest = as_text(record.log);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    json.text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  json.close(']');
}

void append_common(JsonWriter& json, const ActivationRecord& record) {
  json.key("namespace")
      .text(record.namespace_name)
      .key("name")
      .text(record.name)
      .key("version")
      .text(record.version);
  json.key("activationId").text(to_hex(record.activation));
  if (!record.cause.is_zero()) json.key("cause").text(to_hex(record.cause));
  json.key("start").number(record.start_unix_ms).key("end").number(record.end_unix_ms);
  json.key("duration").number(record.duration_ms).key("publish").boolean(false);
}

}  // namespace

std::string_view status_text(ActivationStatus status) {
  switch (status) {
    case ActivationStatus::kSuccess:
      return "success";
    case ActivationStatus::kApplicationError:
      return "application error";
    case ActivationStatus::kDeveloperError:
      return "action developer error";
    case ActivationStatus::kPlatformError:
      break;
  }
  return "whisk internal error";
}

std::string result_json(const ActivationRecord& record) {
  std::string out;
  append_result(out, record);
  return out;
}

std::string response_json(const ActivationRecord& record) {
  std::string out;
  JsonWriter json(out);
  json.open('{').key("result").raw("");
  append_result(out, record);
  json.key("size").number(record.result.size()).key("status").text(status_text(record.status));
  json.key("success").boolean(record.status == ActivationStatus::kSuccess).close('}');
  return out;
}

std::string record_json(const ActivationRecord& record, Logs logs) {
  std::string out;
  out.reserve(1024 + record.result.size() + (logs == Logs::kInclude ? record.log.size() * 5 / 4 : 0));
  JsonWriter json(out);
  json.open('{');
  append_common(json, record);
  json.key("subject").text(record.subject);
  json.key("response").raw(response_json(record));
  if (logs == Logs::kInclude) {
    append_logs(json, record);
  } else {
    json.key("logs").open('[').close(']');
  }
  append_annotations(json, record);
  json.close('}');
  return out;
}

std::string brief_json(const ActivationRecord& record) {
  std::string out;
  JsonWriter json(out);
  json.open('{');
  append_common(json, record);
  json.key("statusCode").number(static_cast<std::uint64_t>(record.status));
  append_annotations(json, record);
  json.close('}');
  return out;
}

std::string logs_json(const ActivationRecord& record) {
  std::string out;
  JsonWriter json(out);
  json.open('{');
  append_logs(json, record);
  json.close('}');
  return out;
}

}  // namespace clemmys::gateway
