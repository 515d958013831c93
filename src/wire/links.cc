#include "wire/links.h"

namespace clemmys::wire {
namespace {
constexpr std::size_t kTextSizeMax = 1024;
}

std::string text::time_exceeded(std::uint64_t timeout_ms) {
  return "The action exceeded its time limits of " + std::to_string(timeout_ms) + " milliseconds.";
}
std::string text::time_exceeded_in_init(std::uint64_t timeout_ms) {
  std::string text = time_exceeded(timeout_ms);
  text.back() = ' ';
  return text + "during initialization.";
}
std::string text::too_long(std::uint64_t size, std::uint64_t size_max) {
  return "The action produced a response that exceeded the allowed length: " + std::to_string(size) + " > " +
         std::to_string(size_max) + " bytes.";
}

Bytes encode(const PlatformError& error) {
  Writer writer;
  writer.u8(static_cast<std::uint8_t>(error.code));
  writer.u16(error.step);
  writer.text(error.text.substr(0, kTextSizeMax));
  return writer.take();
}

Result<PlatformError> decode_platform_error(ByteView bytes) {
  Reader reader(bytes);
  PlatformError error;
  error.code = static_cast<PlatformErrorCode>(reader.u8());
  error.step = reader.u16();
  error.text = reader.text(kTextSizeMax);
  if (error.code < PlatformErrorCode::kNoCapacity || error.code > PlatformErrorCode::kOverMemory)
    reader.fail();
  TRY(reader.finish("wire.platform_error"));
  return error;
}

namespace {
RecordState read_state(Reader& reader) {
  const auto state = static_cast<RecordState>(reader.u8());
  if (state != RecordState::kPending && state != RecordState::kFinished) reader.fail();
  return state;
}
}  // namespace

void write(Writer& writer, const StoredRecord& record) {
  writer.fixed(record.namespace_id);
  writer.fixed(record.activation);
  writer.u64(record.start_unix_ms);
  writer.u64(record.expires_unix_ms);
  writer.u8(static_cast<std::uint8_t>(record.state));
  writer.blob(record.sealed);
}

StoredRecord read_stored_record(Reader& reader) {
  StoredRecord record;
  record.namespace_id = reader.fixed<NamespaceId>();
  record.activation = reader.fixed<ActivationId>();
  record.start_unix_ms = reader.u64();
  record.expires_unix_ms = reader.u64();
  record.state = read_state(reader);
  record.sealed = to_bytes(reader.blob());
  return record;
}

Bytes encode(const ListRecords& query) {
  Writer writer;
  writer.fixed(query.namespace_id);
  writer.u64(query.since_unix_ms);
  writer.u64(query.upto_unix_ms);
  writer.u32(query.skip);
  writer.u32(query.limit);
  writer.u8(static_cast<std::uint8_t>(query.state));
  return writer.take();
}

Result<ListRecords> decode_list_records(ByteView bytes) {
  Reader reader(bytes);
  ListRecords query;
  query.namespace_id = reader.fixed<NamespaceId>();
  query.since_unix_ms = reader.u64();
  query.upto_unix_ms = reader.u64();
  query.skip = reader.u32();
  query.limit = reader.u32();
  query.state = read_state(reader);
  TRY(reader.finish("wire.list_records"));
  return query;
}

Bytes encode(const InstanceAssignment& assignment) {
  Writer writer;
  writer.fixed(assignment.function);
  writer.u32(assignment.memory_mib);
  writer.u64(assignment.payload_size_max);
  return writer.take();
}

Result<InstanceAssignment> decode_assignment(ByteView bytes) {
  Reader reader(bytes);
  InstanceAssignment assignment;
  assignment.function = reader.fixed<FunctionId>();
  assignment.memory_mib = reader.u32();
  assignment.payload_size_max = reader.u64();
  if (assignment.payload_size_max == 0 || assignment.payload_size_max > kPayloadSizeMaxHard) reader.fail();
  TRY(reader.finish("wire.assignment"));
  return assignment;
}

}  // namespace clemmys::wire
