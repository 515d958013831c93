#include "shield/attestation.h"

#include "shield/enclu.h"
#include "shield/lock.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

constexpr char kDirectory[] = "/dev/attestation/";
constexpr uint64_t kQuoteSizeMax = 16384, kReportDataSize = 64, kSealKeySize = 16;

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
  uint8_t quote[kQuoteSizeMax];
  uint64_t quote_size;
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

int64_t make_quote(State& s) {
  {
    Bounce bounce;
    const uint64_t place = bounce.reserve(sizeof(sgx::TargetInfo));
    if (const int64_t result = call(OwnCall::kTargetInfo, 0, place); result != 0) return result;
    make_report(s, bounce.get<sgx::TargetInfo>(place));
  }
  Bounce bounce;
  const uint64_t report = bounce.put(&s.report, sizeof s.report);
  const uint64_t quote = bounce.reserve(kQuoteSizeMax);
  const int64_t size = call(OwnCall::kQuote, kQuoteSizeMax, report, sizeof s.report, quote, kQuoteSizeMax);
  if (size < 0) return size;
  bounce.get(s.quote, quote, static_cast<uint64_t>(size));
  s.quote_size = static_cast<uint64_t>(size);
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

int64_t device_read(uint64_t number, const Descriptor& file, Scatter parts) {
  Guard guard(lock);
  State& s = state();
  const void* content = nullptr;
  uint64_t size = 0;
  switch (file.device) {
    case kDeviceUserReportData:
      content = s.report_data, size = sizeof s.report_data;
      break;
    case kDeviceTargetInfo:
      content = &s.target, size = sizeof s.target;
      break;
    case kDeviceMyTargetInfo:
      make_own_target(s);
      content = &s.own, size = sizeof s.own;
      break;
    case kDeviceReport:
      if (file.position == 0) make_report(s, sgx::TargetInfo(s.target));
      content = &s.report, size = sizeof s.report;
      break;
    case kDeviceQuote:
      if (file.position == 0) {  // one open, one quote: later reads continue in it
        if (const int64_t result = make_quote(s); result != 0) return result;
      }
      content = s.quote, size = s.quote_size;
      break;
    case kDeviceSealKey:
    case kDeviceSealKeySigner:
      if (!make_seal_key(s,
                         file.device == kDeviceSealKey ? sgx::kKeyPolicyMrenclave : sgx::kKeyPolicyMrsigner))
        return -EIO;
      content = s.key, size = sizeof s.key;
      break;
    case kDeviceReportKeyId:
      content = s.report_key_id, size = sizeof s.report_key_id;
      break;
    case kDeviceReportKey:
      if (!make_report_key(s)) return -EIO;
      content = s.key, size = sizeof s.key;
      break;
    default:
      content = "dcap", size = 4;
      break;
  }
  const uint64_t left = file.position < size ? size - file.position : 0;
  const uint64_t step = left < parts.size() ? left : parts.size();
  parts.copy_from(static_cast<const char*>(content) + file.position, step);
  memset(s.key, 0, sizeof s.key);
  set_position(number, file.position + step);
  return static_cast<int64_t>(step);
}

int64_t device_write(const Descriptor& file, Scatter parts) {
  Guard guard(lock);
  State& s = state();
  void* target = nullptr;
  uint64_t size_max = 0;
  switch (file.device) {
    case kDeviceUserReportData:
      target = s.report_data, size_max = sizeof s.report_data;
      break;
    case kDeviceTargetInfo:
      target = &s.target, size_max = sizeof s.target;
      break;
    case kDeviceReportKeyId:
      target = s.report_key_id, size_max = sizeof s.report_key_id;
      break;
    default:
      break;
  }
  if (target == nullptr) return -EACCES;
  if (parts.size() > size_max) return -EINVAL;
  const uint64_t size = parts.size();
  memset(target, 0, size_max);
  parts.copy_to(target, size);
  return static_cast<int64_t>(size);
}

}  // namespace clemmys::shield
