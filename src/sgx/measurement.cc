#include "sgx/measurement.h"

#include <openssl/evp.h>

#include "base/check.h"

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

// Hash is SHA-256 by libcrypto: it uses the processor's instructions, and a start hashes megabytes.
struct MeasurementLog::Hash {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Hash() { CHECK(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1); }
  ~Hash() { EVP_MD_CTX_free(context); }
  void update(ByteView bytes) { CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1); }
};

MeasurementLog::MeasurementLog(std::uint32_t ssaframesize, std::uint64_t size)
    : hash_(std::make_unique<Hash>()) {
  hash_->update(ecreate_record(ssaframesize, size));
}
MeasurementLog::MeasurementLog(MeasurementLog&&) noexcept = default;
MeasurementLog& MeasurementLog::operator=(MeasurementLog&&) noexcept = default;
MeasurementLog::~MeasurementLog() = default;

void MeasurementLog::add(std::uint64_t offset, SecinfoFlags flags) {
  hash_->update(eadd_record(offset, flags));
}

void MeasurementLog::extend(std::uint64_t offset, std::span<const std::uint8_t, kExtendChunkSize> content) {
  hash_->update(eextend_record(offset));
  hash_->update(content);
}

Measurement MeasurementLog::finish() const {
  Hash copy;
  Measurement result;
  CHECK(EVP_MD_CTX_copy_ex(copy.context, hash_->context) == 1 &&
        EVP_DigestFinal_ex(copy.context, result.bytes.data(), nullptr) == 1);
  return result;
}

}  // namespace clemmys::sgx
