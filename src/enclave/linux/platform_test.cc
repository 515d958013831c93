// The linux port beyond conformance, on the machine that runs the test (`softsgx run`).
#include "enclave/linux/platform.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <time.h>

#include <filesystem>

#include "enclave/conformance/conformance.h"
#include "enclave/linux/vdso.h"

namespace clemmys::enclave {
namespace {

// LackingKernel is the running kernel without what a test takes away.
class LackingKernel final : public Kernel {
 public:
  bool device_present = true, vdso_present = true, provision_present = true;

  int open(const char* path, int flags) override {
    const std::string_view name(path);
    if (!(name == "/dev/sgx_provision" ? provision_present : device_present)) return -ENOENT;
    return kernel_->open(path, flags);
  }
  int close(int fd) override { return kernel_->close(fd); }
  long ioctl(int fd, unsigned long request, void* argument) override {
    return kernel_->ioctl(fd, request, argument);
  }
  std::int64_t map(std::uint64_t address, std::uint64_t size, int protection, int flags, int fd,
                   std::uint64_t offset) override {
    return kernel_->map(address, size, protection, flags, fd, offset);
  }
  int unmap(std::uint64_t address, std::uint64_t size) override { return kernel_->unmap(address, size); }
  int protect(std::uint64_t address, std::uint64_t size, int protection) override {
    return kernel_->protect(address, size, protection);
  }
  void touch(std::uint64_t address) override { kernel_->touch(address); }
  vdso_sgx_enter_enclave_t enter_function() override {
    return vdso_present ? kernel_->enter_function() : nullptr;
  }
  bool has_sgx2() override { return kernel_->has_sgx2(); }

 private:
  std::unique_ptr<Kernel> kernel_ = running_kernel();
};

std::ptrdiff_t open_files() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

struct LinuxPort : ::testing::Test {
  std::shared_ptr<LackingKernel> kernel = std::make_shared<LackingKernel>();
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
  auto platform = open_linux_platform_over(kernel).value();
  conformance::build(*platform).reset();  // opens what stays open, as machine keys
  const auto before = open_files();
  {
    auto enclave = conformance::build(*platform);
    EXPECT_GT(open_files(), before);
    sgx::Secs bad = conformance::secs({});
    bad.attributes.xfrm = 0;
    EXPECT_FALSE(platform->create(bad));
  }
  EXPECT_EQ(open_files(), before);
}

TEST_F(LinuxPort, ProvisionKeyNeedsTheProvisionDevice) {
  auto platform = open_linux_platform_over(kernel).value();
  const conformance::Variant variant{.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeProvisionKey};
  EXPECT_TRUE(conformance::build(*platform, variant));
  kernel->provision_present = false;
  EXPECT_FALSE(platform->create(conformance::secs(variant)));
}

TEST_F(LinuxPort, HasSgx2AsTheProcessorSays) {
  EXPECT_TRUE(open_linux_platform_over(kernel).value()->has_sgx2());
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
