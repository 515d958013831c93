// measurement.h: MRENCLAVE as arithmetic. An enclave's identity is SHA-256 over a log of 64-byte records, one
// per ECREATE, EADD and EEXTEND, each EEXTEND followed by the 256 bytes it covers. Packer, parser and
// emulator all use this one log. Source: Intel SDM volume 3D, "ECREATE", "EADD", "EEXTEND", "EINIT"
// (operation sections).
#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"
#include "sgx/arch.h"

namespace clemmys::sgx {

using Record = std::array<std::uint8_t, kMeasureRecordSize>;

// Tags: the first 8 bytes of a record, little-endian text. kTagUnmeasured marks bytes in an SGXS stream that
// no EEXTEND covers.
inline constexpr std::uint64_t kTagEcreate = 0x0045544145524345;     // "ECREATE\0"
inline constexpr std::uint64_t kTagEadd = 0x0000000044444145;        // "EADD\0\0\0\0"
inline constexpr std::uint64_t kTagEextend = 0x00444e4554584545;     // "EEXTEND\0"
inline constexpr std::uint64_t kTagUnmeasured = 0x44525341454d4e55;  // "UNMEASRD"

Record ecreate_record(std::uint32_t ssaframesize, std::uint64_t size);
Record eadd_record(std::uint64_t offset, SecinfoFlags flags);
Record eextend_record(std::uint64_t offset);
Record unmeasured_record(std::uint64_t offset);

// MeasurementLog hashes the records as they come; finish() can be asked at any point.
class MeasurementLog {
 public:
  MeasurementLog(std::uint32_t ssaframesize, std::uint64_t size);
  MeasurementLog(MeasurementLog&&) noexcept;
  MeasurementLog& operator=(MeasurementLog&&) noexcept;
  ~MeasurementLog();
  void add(std::uint64_t offset, SecinfoFlags flags);
  // extend covers the 256 bytes at `offset`.
  void extend(std::uint64_t offset, std::span<const std::uint8_t, kExtendChunkSize> content);
  Measurement finish() const;

 private:
  struct Hash;
  std::unique_ptr<Hash> hash_;
};

}  // namespace clemmys::sgx
