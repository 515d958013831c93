// attestation.h: /dev/attestation with Gramine's meaning: write 64 bytes to user_report_data, read `quote`;
// write a target to target_info, read `report`; keys/_sgx_mrenclave is 16 bytes that only this enclave on
// this machine can derive. The directory is the shield's: the host never sees such a path.
#pragma once

#include "shield/descriptors.h"
#include "shield/scatter.h"

namespace clemmys::shield {

enum Device : uint8_t {
  kDeviceUserReportData,
  kDeviceTargetInfo,
  kDeviceMyTargetInfo,
  kDeviceReport,
  kDeviceQuote,
  kDeviceSealKey,
  kDeviceSealKeySigner,
  kDeviceType,
  kDeviceReportKeyId,
  kDeviceReportKey,
};

// device_of: the device at a path below /dev/attestation; -1: not below it; -ENOENT: no such device.
int64_t device_of(const char* path);
int64_t device_read(uint64_t number, const Descriptor& file, Scatter parts);
int64_t device_write(const Descriptor& file, Scatter parts);

}  // namespace clemmys::shield
