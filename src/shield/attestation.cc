#include "shield/attestation.h"

#include <linux/fcntl.h>

#include "shield/enclu.h"
#include "shield/lock.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

constexpr char kDirectory[] = "/dev/attestation/";
constexpr uint64_t kQuoteSizeMax = 16384, kReportDataSize = 64, kSealKeySize = 16;

// Snapshot is what an open device shows: made at the open, so that files that are open at once have each
// their own.
constexpr uint16_t kSnapshotsMax = 16;
struct Snapshot {
  uint32_t descriptors;
  uint16_t device;
  uint64_t size;
  uint8_t bytes[kQuoteSizeMax];
};

// State of the devices, as one record in the arena; operands of the leaf functions are aligned as the SDM
// demands.
struct State {
  alignas(512) sgx::TargetInfo target;
  alignas(128) uint8_t report_data[kReportDataSize];
  alignas(512) sgx::Report report;
  alignas(512) sgx::TargetInfo own;
  alignas(512) sgx::KeyRequest request;
  uint8_t report_key_id[32];
  alignas(16) uint8_t key[kSealKeySize];
  Snapshot open[kSnapshotsMax];
};

Lock lock;  // the devices are slow and rare: held for a whole access
State* state_pointer;

State& state() {
  if (state_pointer == nullptr) {
    const auto raw = reinterpret_cast<uint64_t>(arena_take(sizeof(State) + alignof(State)));
    state_pointer = reinterpret_cast<State*>((raw + alignof(State) - 1) & ~(alignof(State) - 1));
  }
  return *state_pointer;
}

bool same(const char* left, const char* right) {
  const size_t size = strlen(left);
  return size == strlen(right) && memcmp(left, right, size) == 0;
}

void make_report(State& s, const sgx::TargetInfo& target) {
  s.target = target;
  ereport(&s.target, s.report_data, &s.report);
}

// own_target is what others put into target_info to address this enclave.
void make_own_target(State& s) {
  sgx::TargetInfo none{};
  const sgx::TargetInfo kept = s.target;
  make_report(s, none);
  s.own = {};
  memcpy(s.own.measurement, s.report.body.mrenclave, sizeof s.own.measurement);
  s.own.attributes = s.report.body.attributes;
  s.own.miscselect = s.report.body.miscselect;
  s.target = kept;
}

int64_t make_quote(State& s, Snapshot& out) {
  {
    Bounce bounce;
    const uint64_t place = bounce.reserve(sizeof(sgx::TargetInfo));
    if (const int64_t result = call(OwnCall::kTargetInfo, 0, place); result != 0) return result;
    const sgx::TargetInfo kept = s.target;
    make_report(s, bounce.get<sgx::TargetInfo>(place));
    s.target = kept;
  }
  Bounce bounce;
  const uint64_t report = bounce.put(&s.report, sizeof s.report);
  const uint64_t quote = bounce.reserve(kQuoteSizeMax);
  const int64_t size = call(OwnCall::kQuote, kQuoteSizeMax, report, sizeof s.report, quote, kQuoteSizeMax);
  if (size < 0) return size;
  bounce.get(out.bytes, quote, static_cast<uint64_t>(size));
  out.size = static_cast<uint64_t>(size);
  return 0;
}

// make_seal_key derives a key for this measurement (or signer), security version and machine.
bool make_seal_key(State& s, uint16_t policy) {
  sgx::TargetInfo none{};
  const sgx::TargetInfo kept = s.target;
  make_report(s, none);
  s.target = kept;
  s.request = {};
  s.request.keyname = static_cast<uint16_t>(sgx::KeyName::kSeal);
  s.request.keypolicy = policy;
  s.request.isvsvn = s.report.body.isvsvn;
  memcpy(s.request.cpusvn, s.report.body.cpusvn, sizeof s.request.cpusvn);
  s.request.attributemask = {~0ull, ~0ull};
  s.request.miscmask = ~0u;
  return egetkey(&s.request, s.key) == 0;
}

// make_report_key derives the key under which EREPORT on this machine makes REPORTs for this enclave with
// report_key_id.
bool make_report_key(State& s) {
  s.request = {};
  s.request.keyname = static_cast<uint16_t>(sgx::KeyName::kReport);
  memcpy(s.request.keyid, s.report_key_id, sizeof s.request.keyid);
  return egetkey(&s.request, s.key) == 0;
}

}  // namespace

int64_t device_of(const char* path) {
  constexpr uint64_t kPrefix = sizeof kDirectory - 1;
  if (strlen(path) < kPrefix || memcmp(path, kDirectory, kPrefix) != 0) return -1;
  const char* name = path + kPrefix;
  if (same(name, "user_report_data")) return kDeviceUserReportData;
  if (same(name, "target_info")) return kDeviceTargetInfo;
  if (same(name, "my_target_info")) return kDeviceMyTargetInfo;
  if (same(name, "report")) return kDeviceReport;
  if (same(name, "quote")) return kDeviceQuote;
  if (same(name, "keys/_sgx_mrenclave")) return kDeviceSealKey;
  if (same(name, "keys/_sgx_mrsigner")) return kDeviceSealKeySigner;
  if (same(name, "report_key_id")) return kDeviceReportKeyId;
  if (same(name, "keys/_report")) return kDeviceReportKey;
  if (same(name, "attestation_type")) return kDeviceType;
  return -ENOENT;
}

namespace {

void show(Snapshot& out, const void* content, uint64_t size) {
  memcpy(out.bytes, content, size);
  out.size = size;
}

// fill makes the content of a device that is being opened: 0 or -errno.
int64_t fill(State& s, Snapshot& out) {
  switch (out.device) {
    case kDeviceUserReportData:
      return show(out, s.report_data, sizeof s.report_data), 0;
    case kDeviceTargetInfo:
      return show(out, &s.target, sizeof s.target), 0;
    case kDeviceMyTargetInfo:
      make_own_target(s);
      return show(out, &s.own, sizeof s.own), 0;
    case kDeviceReport:
      make_report(s, sgx::TargetInfo(s.target));
      return show(out, &s.report, sizeof s.report), 0;
    case kDeviceQuote:
      return make_quote(s, out);
    case kDeviceSealKey:
    case kDeviceSealKeySigner:
    case kDeviceReportKey: {
      const uint16_t policy =
          out.device == kDeviceSealKey ? sgx::kKeyPolicyMrenclave : sgx::kKeyPolicyMrsigner;
      if (!(out.device == kDeviceReportKey ? make_report_key(s) : make_seal_key(s, policy))) return -EIO;
      show(out, s.key, sizeof s.key);
      memset(s.key, 0, sizeof s.key);
      return 0;
    }
    case kDeviceReportKeyId:
      return show(out, s.report_key_id, sizeof s.report_key_id), 0;
    default:
      return show(out, "dcap", 4), 0;
  }
}

// input_of: the bytes that a device takes, or none.
uint8_t* input_of(State& s, uint16_t device, uint64_t* size) {
  switch (device) {
    case kDeviceUserReportData:
      return *size = sizeof s.report_data, s.report_data;
    case kDeviceTargetInfo:
      return *size = sizeof s.target, reinterpret_cast<uint8_t*>(&s.target);
    case kDeviceReportKeyId:
      return *size = sizeof s.report_key_id, s.report_key_id;
    default:
      return *size = 0, nullptr;
  }
}

}  // namespace

int64_t device_open(uint16_t device, uint64_t flags) {
  Guard guard(lock);
  State& s = state();
  uint64_t size;
  if ((flags & O_DIRECTORY) != 0) return -ENOTDIR;
  if ((flags & O_ACCMODE) != O_RDONLY && input_of(s, device, &size) == nullptr) return -EACCES;
  for (uint16_t i = 0; i < kSnapshotsMax; ++i) {
    Snapshot& out = s.open[i];
    if (out.descriptors != 0) continue;
    out.device = device;
    if (const int64_t result = fill(s, out); result != 0) return result;
    const int64_t number = open_own(Kind::kDevice, i);
    if (number >= 0)
      out.descriptors = 1;
    else
      memset(out.bytes, 0, sizeof out.bytes);  // it may be a key
    return number;
  }
  return -ENFILE;
}

void device_hold(uint16_t snapshot) {
  Guard guard(lock);
  ++state().open[snapshot].descriptors;
}

void device_drop(uint16_t snapshot) {
  Guard guard(lock);
  Snapshot& it = state().open[snapshot];
  if (--it.descriptors == 0) memset(it.bytes, 0, sizeof it.bytes);  // it may be a key
}

int64_t device_size(uint16_t snapshot) {
  Guard guard(lock);
  return static_cast<int64_t>(state().open[snapshot].size);
}

int64_t device_read(uint16_t snapshot, uint64_t offset, Scatter parts) {
  Guard guard(lock);
  const Snapshot& it = state().open[snapshot];
  const uint64_t left = offset < it.size ? it.size - offset : 0;
  const uint64_t step = left < parts.size() ? left : parts.size();
  parts.copy_from(it.bytes + offset, step);
  return static_cast<int64_t>(step);
}

int64_t device_write(uint16_t snapshot, uint64_t offset, Scatter parts) {
  Guard guard(lock);
  State& s = state();
  Snapshot& it = s.open[snapshot];
  uint64_t size_max;
  uint8_t* target = input_of(s, it.device, &size_max);
  if (target == nullptr) return -EACCES;
  const uint64_t size = parts.size();
  if (offset > size_max || size > size_max - offset) return -EINVAL;
  if (offset == 0) memset(target, 0, size_max);  // a shorter value is padded with zeros
  parts.copy_to(target + offset, size);
  show(it, target, size_max);
  return static_cast<int64_t>(size);
}

}  // namespace clemmys::shield
