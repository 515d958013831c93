// api_activations.cc: reading activation records. The store belongs to the host: it can hide records, and
// that is all it can do.
#include <algorithm>

#include "base/log.h"
#include "gateway/api.h"
#include "gateway/json.h"
#include "gateway/record.h"

namespace clemmys::gateway {
namespace {

constexpr std::uint32_t kPage = 200;
constexpr std::size_t kPagesMax = 50;            // how far a filter by name looks back
constexpr std::uint64_t kSettleGraceMs = 5'000;  // after its deadline no gateway waits for an answer any more
constexpr std::size_t kStoredRecordSizeMin = 16 + 16 + 8 + 8 + 1 + 4;

Result<std::vector<wire::StoredRecord>> decode_records(ByteView bytes) {
  Reader reader(bytes);
  std::vector<wire::StoredRecord> records(reader.count(kStoredRecordSizeMin));
  for (wire::StoredRecord& record : records) record = wire::read_stored_record(reader);
  TRY(reader.finish("gateway.records.decode"));
  return records;
}

struct ListOptions {
  wire::ListRecords query;
  std::string name;
  bool docs = false, count = false;
};

Result<ListOptions> parse_options(const Route& route, const NamespaceId& owner) {
  ListOptions options;
  const std::uint64_t limit = TRY(route.number("limit", 30));
  if (limit > kPage)
    return Error{
        ErrorCode::kInvalid, "gateway.activations.limit",
        "The value '" + std::to_string(limit) + "' is not in the range of 0 to 200 for activations."};
  options.query.namespace_id = owner;
  options.query.limit = limit == 0 ? kPage : static_cast<std::uint32_t>(limit);
  options.query.skip =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(TRY(route.number("skip", 0)), 1u << 30));
  options.query.since_unix_ms = TRY(route.number("since", 0));
  options.query.upto_unix_ms = TRY(route.number("upto", INT64_MAX));
  options.docs = TRY(route.flag("docs", false));
  options.count = TRY(route.flag("count", false));
  if (options.docs && options.count)
    return Error{ErrorCode::kInvalid, "gateway.activations.docs",
                 "The parameters 'docs' and 'count' cannot be used together."};
  options.name = std::string(route.parameter("name").value_or(""));
  return options;
}

// matches: `name` or `package/name`, as OpenWhisk filters.
bool matches(const ActivationRecord& record, const std::string& name) {
  return record.name == name || (!record.package.empty() && record.package + "/" + record.name == name);
}

}  // namespace

Task<HttpResponse> Api::get_activations(const Admitted& call, const HttpRequest& request) {
  const NamespacePointer owner = call.snapshot->find_namespace(call.route.namespace_name);
  if (!owner) co_return error_response(404, text::kNotFound, request);
  auto options = parse_options(call.route, owner->id);
  if (!options) co_return error_response(400, options.error().detail, request);
  HttpResponse response;
  JsonWriter json(response.body);

  if (options->count && options->name.empty()) {
    auto counted =
        co_await context_.controller.call(wire::ControllerFrame::kCountRecords, wire::encode(options->query));
    if (!counted) co_return error_response(counted.error(), request);
    Reader reader(*counted);
    const std::uint64_t stored = reader.u64();
    const std::uint64_t skipped = std::min<std::uint64_t>(stored, options->query.skip);
    json.open('{').key("activations").number(stored - skipped).close('}');
    co_return response;
  }

  // Names are sealed, so a filter by name reads pages until it has enough.
  const bool filtered = !options->name.empty();
  const std::size_t wanted = options->count ? SIZE_MAX : options->query.limit;
  std::size_t to_skip = filtered ? options->query.skip : 0, found = 0;
  wire::ListRecords page = options->query;
  if (filtered) page.skip = 0, page.limit = kPage;
  if (!options->count) json.open('[');
  for (std::size_t pages = 0; pages < kPagesMax && found < wanted; ++pages) {
    auto answer = co_await context_.controller.call(wire::ControllerFrame::kListRecords, wire::encode(page));
    if (!answer) co_return error_response(answer.error(), request);
    auto records = decode_records(*answer);
    if (!records || records->size() > page.limit)
      co_return error_response(500, "The store's answer is not valid.", request);
    for (const wire::StoredRecord& stored : *records) {
      auto record = stored.state == wire::RecordState::kFinished
                        ? open_record(stored, *owner)
                        : Result<ActivationRecord>(Error{ErrorCode::kCorrupt, "gateway.record.state"});
      if (!record) {
        context_.metrics.records_refused.add();
        continue;
      }
      if (filtered && !matches(*record, options->name)) continue;
      if (to_skip > 0) {
        --to_skip;
        continue;
      }
      if (found++ >= wanted) break;
      if (!options->count)
        json.raw(options->docs ? record_json(*record, Logs::kInclude) : brief_json(*record));
    }
    if (!filtered || records->size() < page.limit) break;
    page.skip += page.limit;
  }
  if (options->count) {
    json.open('{').key("activations").number(found).close('}');
  } else {
    json.close(']');
  }
  co_return response;
}

Task<HttpResponse> Api::get_activation(const Admitted& call, const HttpRequest& request) {
  const NamespacePointer owner = call.snapshot->find_namespace(call.route.namespace_name);
  auto id = fixed_from_hex<ActivationId>(call.route.name);
  if (!id)
    co_return error_response(400, "The activation id is not valid: 32 hexadecimal digits are expected.",
                             request);
  if (!owner) co_return error_response(404, text::kNotFound, request);
  Writer query;
  query.fixed(owner->id);
  query.fixed(*id);
  auto answer = co_await context_.controller.call(wire::ControllerFrame::kGetRecord, query.take());
  if (!answer) co_return error_response(answer.error(), request);
  auto records = decode_records(*answer);
  if (!records || records->size() > 1)
    co_return error_response(500, "The store's answer is not valid.", request);
  if (records->empty()) co_return error_response(404, text::kNotFound, request);
  const wire::StoredRecord& stored = records->front();
  auto record = stored.activation == *id
                    ? open_record(stored, *owner)
                    : Result<ActivationRecord>(Error{ErrorCode::kCorrupt, "gateway.record.other"});
  if (!record) {
    context_.metrics.records_refused.add();
    co_return error_response(500, "The stored record is not genuine.", request);
  }
  if (stored.state == wire::RecordState::kPending) {
    const std::uint64_t now = context_.time.unix_ms();
    if (context_.open.contains(*id) || now <= record->deadline_unix_ms + kSettleGraceMs)
      co_return busy_response(404, text::kUnfinished, 1, request);  // the status is upstream's
    // Shown so, never stored: a store that hides a finished record gets no help in overwriting it.
    settle(*record, now);
  }
  switch (call.route.resource) {
    case Resource::kActivationLogs:
      co_return HttpResponse{.body = logs_json(*record)};
    case Resource::kActivationResult:
      co_return HttpResponse{.body = response_json(*record)};
    default:
      co_return HttpResponse{.body = record_json(*record, Logs::kInclude)};
  }
}

}  // namespace clemmys::gateway
