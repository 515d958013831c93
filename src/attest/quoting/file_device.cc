#include "attest/device_files.h"
#include "attest/quoting/report_device.h"

namespace clemmys::attest {
namespace {

ByteView view_of(const sgx::TargetInfo& target) {
  return {reinterpret_cast<const std::uint8_t*>(&target), sizeof target};
}

Result<Secret<16>> read_key(const char* path) {
  Bytes bytes = TRY(read_device(path, 16));
  auto key = Secret<16>::from(bytes);
  wipe(bytes.data(), bytes.size());
  return key;
}

class FileDevice final : public ReportDevice {
 public:
  Result<sgx::Report> report(const sgx::TargetInfo& target, const ReportData& report_data) override {
    TRY(write_device(kTargetInfoFile, view_of(target)));
    TRY(write_device(kUserReportDataFile, report_data.view()));
    const Bytes bytes = TRY(read_device(kReportFile, sizeof(sgx::Report)));
    if (bytes.size() != sizeof(sgx::Report)) return Error{ErrorCode::kInternal, "attest.device.report"};
    sgx::Report report;
    std::memcpy(&report, bytes.data(), sizeof report);
    return report;
  }
  Result<Secret<16>> report_key(const ReportKeyId& key_id) override {
    TRY(write_device(kReportKeyIdFile, key_id.view()));
    return read_key(kReportKeyFile);
  }
  Result<Secret<16>> seal_key() override { return read_key(kSealKeyFile); }
};

}  // namespace

std::unique_ptr<ReportDevice> file_device() { return std::make_unique<FileDevice>(); }

}  // namespace clemmys::attest
