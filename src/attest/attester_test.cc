#include "attest/attester.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "attest/device_files.h"

namespace clemmys::attest {
namespace {

class DeviceFile : public ::testing::Test {
 protected:
  DeviceFile() {
    pattern_ = ::testing::TempDir() + "/clemmys-device-XXXXXX";
    ::close(::mkstemp(pattern_.data()));
  }
  ~DeviceFile() override { ::unlink(pattern_.c_str()); }
  std::string pattern_;
};

TEST(DeviceAttester, IsUnsupportedOutsideAnEnclave) {
  ASSERT_NE(::access(kUserReportDataFile, F_OK), 0) << "this runs in an enclave";
  EXPECT_EQ(device_attester().error().code, ErrorCode::kUnsupported);
}

TEST_F(DeviceFile, ReadsWhatWasWritten) {
  ASSERT_TRUE(write_device(pattern_.c_str(), as_bytes("0123456789")).has_value());
  EXPECT_EQ(*read_device(pattern_.c_str(), 10), to_bytes("0123456789"));
}

TEST_F(DeviceFile, RefusesMoreThanTheStatedSize) {
  ASSERT_TRUE(write_device(pattern_.c_str(), as_bytes("0123456789")).has_value());
  EXPECT_EQ(read_device(pattern_.c_str(), 9).error().code, ErrorCode::kTooLarge);
}

TEST(DeviceFiles, AbsentOnesAreUnsupported) {
  EXPECT_EQ(read_device("/nonexistent/report", 1).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(write_device("/nonexistent/report", Bytes{1}).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace clemmys::attest
