#include "enclave/linux/platform.h"

#include <gtest/gtest.h>
#include <time.h>

#include "enclave/conformance/conformance.h"
#include "enclave/conformance/soft_platform.h"
#include "enclave/linux/testing/fake_kernel.h"
#include "enclave/linux/vdso.h"

namespace clemmys::enclave {
namespace {

struct LinuxPort : ::testing::Test {
  conformance::SoftPlatform keys;
  std::shared_ptr<FakeKernel> kernel =
      std::make_shared<FakeKernel>(softsgx::Machine::open(keys.directory).value());
};

TEST_F(LinuxPort, IsUnsupportedWithoutTheDevice) {
  kernel->device_present = false;
  const auto platform = open_linux_platform_over(kernel);
  ASSERT_FALSE(platform);
  EXPECT_EQ(platform.error().code, ErrorCode::kUnsupported);
}

TEST_F(LinuxPort, IsUnsupportedWithoutTheVdsoFunction) {
  kernel->vdso_present = false;
  EXPECT_EQ(open_linux_platform_over(kernel).error().code, ErrorCode::kUnsupported);
}

TEST_F(LinuxPort, LeavesNoFileOpen) {
  {
    auto platform = open_linux_platform_over(kernel).value();
    EXPECT_EQ(kernel->open_files(), 0);
    auto enclave = conformance::build(*platform);
    EXPECT_EQ(kernel->open_files(), 1);
    sgx::Secs bad = conformance::secs({});
    bad.attributes.xfrm = 0;
    EXPECT_FALSE(platform->create(bad));
    EXPECT_EQ(kernel->open_files(), 1);
  }
  EXPECT_EQ(kernel->open_files(), 0);
}

TEST_F(LinuxPort, ProvisionKeyNeedsTheProvisionDevice) {
  auto platform = open_linux_platform_over(kernel).value();
  const conformance::Variant variant{.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeProvisionKey};
  EXPECT_TRUE(conformance::build(*platform, variant));
  kernel->provision_present = false;
  EXPECT_FALSE(platform->create(conformance::secs(variant)));
}

TEST_F(LinuxPort, RunningKernelSaysWhatThisMachineHas) {
  const auto platform = open_linux_platform();
  if (!platform) {
    EXPECT_EQ(platform.error().code, ErrorCode::kUnsupported);
  } else {
    EXPECT_EQ((*platform)->name(), "linux");
  }
}

TEST(Vdso, FindsAFunctionThatEveryKernelHas) {
  const auto get_time =
      reinterpret_cast<int (*)(clockid_t, timespec*)>(const_cast<void*>(vdso_symbol("__vdso_clock_gettime")));
  ASSERT_NE(get_time, nullptr);
  timespec now{};
  EXPECT_EQ(get_time(CLOCK_MONOTONIC, &now), 0);
  EXPECT_GT(now.tv_sec, 0);
  EXPECT_EQ(vdso_symbol("__vdso_no_such_function"), nullptr);
}

}  // namespace
}  // namespace clemmys::enclave
