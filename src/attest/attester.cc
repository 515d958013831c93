#include "attest/attester.h"

#include <unistd.h>

#include <mutex>

#include "attest/device_files.h"

namespace clemmys::attest {
namespace {

constexpr std::size_t kDeviceQuoteSizeMax = 16 * 1024;

// DeviceAttester takes turns: report data and quote are two files of one state.
class DeviceAttester final : public Attester {
 public:
  Result<Bytes> evidence(const ReportData& report_data) override {
    const std::scoped_lock turn(mutex_);
    TRY(write_device(kUserReportDataFile, report_data.view()));
    Bytes quote = TRY(read_device(kQuoteFile, kDeviceQuoteSizeMax));
    if (quote.empty()) return Error{ErrorCode::kUnavailable, "attest.device.quote"};
    return quote;
  }

 private:
  std::mutex mutex_;
};

}  // namespace

Result<std::unique_ptr<Attester>> device_attester() {
  if (::access(kUserReportDataFile, F_OK) != 0) {
    return Error{ErrorCode::kUnsupported, "attest.device.absent", "this process does not run in an enclave"};
  }
  return std::unique_ptr<Attester>(std::make_unique<DeviceAttester>());
}

}  // namespace clemmys::attest
