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
// device_open makes what the device shows now, and gives a number to it. A device without its service gives
// the service's errno; one that takes no input is opened for reading alone.
int64_t device_open(uint16_t device, uint64_t flags);
// The rest names an open device by Descriptor::device. device_hold and _drop count its descriptors.
void device_hold(uint16_t snapshot);
void device_drop(uint16_t snapshot);
int64_t device_size(uint16_t snapshot);
int64_t device_read(uint16_t snapshot, uint64_t offset, Scatter parts);
// device_write takes effect at once. At offset 0 it begins a new value, padded with zeros; -EINVAL: too long.
int64_t device_write(uint16_t snapshot, uint64_t offset, Scatter parts);

}  // namespace clemmys::shield
