#include "sgx/measurement.h"

#include <sodium.h>

namespace clemmys::sgx {
namespace {

void put(Record& record, std::size_t offset, std::uint64_t value, std::size_t size = 8) {
  for (std::size_t i = 0; i < size; ++i) record[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

Record record_of(std::uint64_t tag, std::uint64_t offset) {
  Record record{};
  put(record, 0, tag);
  put(record, 8, offset);
  return record;
}

crypto_hash_sha256_state* as_state(std::array<std::uint8_t, 128>& bytes) {
  static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(bytes));
  return reinterpret_cast<crypto_hash_sha256_state*>(bytes.data());
}

}  // namespace

Record ecreate_record(std::uint32_t ssaframesize, std::uint64_t size) {
  Record record{};
  put(record, 0, kTagEcreate);
  put(record, 8, ssaframesize, 4);
  put(record, 12, size);
  return record;
}

Record eadd_record(std::uint64_t offset, SecinfoFlags flags) {
  Record record = record_of(kTagEadd, offset);
  put(record, 16, flags.bits);
  return record;
}

Record eextend_record(std::uint64_t offset) { return record_of(kTagEextend, offset); }
Record unmeasured_record(std::uint64_t offset) { return record_of(kTagUnmeasured, offset); }

MeasurementLog::MeasurementLog(std::uint32_t ssaframesize, std::uint64_t size) : state_{} {
  crypto_hash_sha256_init(as_state(state_));
  update(ecreate_record(ssaframesize, size));
}

void MeasurementLog::add(std::uint64_t offset, SecinfoFlags flags) { update(eadd_record(offset, flags)); }

void MeasurementLog::extend(std::uint64_t offset, std::span<const std::uint8_t, kExtendChunkSize> content) {
  update(eextend_record(offset));
  update(content);
}

Measurement MeasurementLog::finish() const {
  auto copy = state_;
  Measurement result;
  crypto_hash_sha256_final(as_state(copy), result.bytes.data());
  return result;
}

void MeasurementLog::update(ByteView bytes) { crypto_hash_sha256_update(as_state(state_), bytes.data(), bytes.size()); }

}  // namespace clemmys::sgx
