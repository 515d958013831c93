#include "gateway/record.h"

#include "base/codec.h"
#include "wire/envelope.h"

namespace clemmys::gateway {
namespace {

constexpr std::uint8_t kVersion = 1;

Bytes record_aad(const NamespaceId& owner, const ActivationId& activation, wire::RecordState state) {
  Writer writer;
  writer.fixed(owner);
  writer.fixed(activation);
  writer.u8(static_cast<std::uint8_t>(state));
  return writer.take();
}

Bytes encode(const ActivationRecord& record) {
  Writer writer;
  writer.u8(kVersion);
  writer.fixed(record.activation);
  writer.fixed(record.cause);
  for (const std::string* text : {&record.namespace_name, &record.subject, &record.package, &record.name,
                                  &record.version, &record.kind, &record.platform_error})
    writer.text(*text);
  for (std::uint32_t limit : {record.limits.timeout_ms, record.limits.memory_mib, record.limits.logs_mib,
                              record.limits.concurrency})
    writer.u32(limit);
  for (std::uint64_t number : {record.received_unix_ms, record.start_unix_ms, record.end_unix_ms,
                               record.duration_ms, record.wait_ms, record.init_ms, record.deadline_unix_ms})
    writer.u64(number);
  writer.fixed(record.chain);
  writer.fixed(record.chain_digest);
  writer.u8(static_cast<std::uint8_t>(record.status));
  writer.boolean(record.sequence);
  writer.boolean(record.timed_out);
  writer.u8(static_cast<std::uint8_t>(record.result_type));
  writer.blob(record.result);
  writer.blob(record.log);
  writer.u32(static_cast<std::uint32_t>(record.components.size()));
  for (const ActivationId& component : record.components) writer.fixed(component);
  return writer.take();
}

}  // namespace

wire::StoredRecord seal_record(const ActivationRecord& record, wire::RecordState state,
                               const wire::Namespace& owner) {
  wire::StoredRecord stored;
  stored.namespace_id = owner.id;
  stored.activation = record.activation;
  stored.start_unix_ms = record.start_unix_ms;
  stored.expires_unix_ms = record.start_unix_ms + kRecordLifetimeMs;
  stored.state = state;
  stored.sealed =
      wire::seal_blob(owner.record_key, record_aad(owner.id, record.activation, state), encode(record));
  return stored;
}

Result<ActivationRecord> decode_record(ByteView opened) {
  Reader reader(opened);
  ActivationRecord record;
  if (reader.u8() != kVersion) reader.fail();
  record.activation = reader.fixed<ActivationId>();
  record.cause = reader.fixed<ActivationId>();
  for (std::string* text : {&record.namespace_name, &record.subject, &record.package, &record.name,
                            &record.version, &record.kind, &record.platform_error})
    *text = reader.text();
  for (std::uint32_t* limit : {&record.limits.timeout_ms, &record.limits.memory_mib, &record.limits.logs_mib,
                               &record.limits.concurrency})
    *limit = reader.u32();
  for (std::uint64_t* number :
       {&record.received_unix_ms, &record.start_unix_ms, &record.end_unix_ms, &record.duration_ms,
        &record.wait_ms, &record.init_ms, &record.deadline_unix_ms})
    *number = reader.u64();
  record.chain = reader.fixed<ChainId>();
  record.chain_digest = reader.fixed<Digest>();
  record.status = static_cast<ActivationStatus>(reader.u8());
  record.sequence = reader.boolean();
  record.timed_out = reader.boolean();
  record.result_type = static_cast<wire::ContentType>(reader.u8());
  record.result = to_bytes(reader.blob());
  record.log = to_bytes(reader.blob());
  record.components.resize(reader.count(ActivationId::kSize));
  for (ActivationId& component : record.components) component = reader.fixed<ActivationId>();
  TRY(reader.finish("gateway.record.decode"));
  return record;
}

Result<ActivationRecord> open_record(const wire::StoredRecord& stored, const wire::Namespace& owner) {
  const Bytes aad = record_aad(owner.id, stored.activation, stored.state);
  const Bytes opened = TRY(wire::open_blob(owner.record_key, aad, stored.sealed));
  ActivationRecord record = TRY(decode_record(opened));
  if (record.activation != stored.activation) return Error{ErrorCode::kCorrupt, "gateway.record.activation"};
  return record;
}

void settle(ActivationRecord& record, std::uint64_t now_unix_ms) {
  record.status = ActivationStatus::kPlatformError;
  record.platform_error = "lost";
  record.end_unix_ms = std::max(record.start_unix_ms, std::min(now_unix_ms, record.deadline_unix_ms));
  record.duration_ms = record.end_unix_ms - record.start_unix_ms;
  record.result_type = wire::ContentType::kJson;
  record.result = to_bytes(std::string_view(
      R"({"error":"The platform has a record of this activation's start only; its result is not known."})"));
}

}  // namespace clemmys::gateway
