// What `softsgx run` does otherwise than Linux on a machine with SGX: one test for each line of its part of
// docs/softsgx-deviations.md, so that the list stays true.
#include <asm/sgx.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave {
namespace {

using namespace conformance;

int open_device() { return ::open("/dev/sgx_enclave", O_RDWR); }

bool ends_well(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// create is ECREATE by the driver; 0 or errno.
int create(int fd, std::uint64_t base) {
  sgx::Secs secs = conformance::secs({});
  secs.baseaddr = base;
  sgx_enclave_create arguments{.src = reinterpret_cast<std::uint64_t>(&secs)};
  return ::ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &arguments) == 0 ? 0 : errno;
}

// place gives an aligned address of `kSize` free bytes.
std::uint64_t place() {
  void* area = ::mmap(nullptr, 2 * kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto begin = reinterpret_cast<std::uint64_t>(area);
  return (begin + kSize - 1) / kSize * kSize;
}

TEST(RunDeviation, AChildHasACopy) {
  auto enclave = build(test_platform());
  copy_in(*enclave, kData, Bytes{1});
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char go = 0;
    const bool told = ::read(ends[0], &go, 1) == 1;
    ::_exit(told && copy_out(*enclave, kData, 1) == Bytes{1} ? 0 : 1);  // hardware: the parent's 2
  }
  copy_in(*enclave, kData, Bytes{2});
  ASSERT_EQ(::write(ends[1], "", 1), 1);
  EXPECT_TRUE(ends_well(child));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(RunDeviation, AnotherProgramsEnclaveIsNoDevice) {
  if (const char* inherited = std::getenv("CLEMMYS_TEST_DEVICE")) {  // in the other program
    EXPECT_EQ(create(std::atoi(inherited), place()), ENOTTY);        // hardware: EINVAL, there is an enclave
    return;
  }
  const int fd = open_device();
  ASSERT_EQ(::fcntl(fd, F_SETFD, 0), 0);
  ASSERT_EQ(create(fd, place()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("CLEMMYS_TEST_DEVICE", std::to_string(fd).c_str(), 1);
    ::execl("/proc/self/exe", "other", "--gtest_filter=RunDeviation.AnotherProgramsEnclaveIsNoDevice",
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  EXPECT_TRUE(ends_well(child));
  ::close(fd);
}

TEST(RunDeviation, TheRangeIsTakenAtEcreate) {
  const int file = ::open("/proc/self/exe", O_RDONLY), device = open_device();
  const std::uint64_t base = place();
  void* there = reinterpret_cast<void*>(base);
  ASSERT_EQ(::mmap(there, sgx::kPageSize, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0), there);
  EXPECT_EQ(create(device, base), ENOMEM);  // hardware: 0; such addresses just are not the enclave's
  ASSERT_EQ(::munmap(there, sgx::kPageSize), 0);
  EXPECT_EQ(create(device, base), 0);
  ::close(device);
  ::close(file);
}

TEST(RunDeviation, OtherMemoryInTheRangeTakesThePagesWithIt) {
  auto enclave = build(test_platform());
  copy_in(*enclave, kData, Bytes{7});
  void* page = reinterpret_cast<void*>(enclave->base() + kData);
  ASSERT_EQ(
      ::mmap(page, sgx::kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
      page);
  EXPECT_EQ(*static_cast<volatile std::uint8_t*>(page), 0);  // hardware: the same, and the page lives on
}

TEST(RunDeviation, ADuplicateOfTheDeviceReadsAsAnEmptyFile) {
  const int fd = open_device(), copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 500);
  char byte = 0;
  EXPECT_EQ(::read(fd, &byte, 1), -1);
  EXPECT_EQ(::read(copy, &byte, 1), 0);  // hardware: -1, EINVAL
  ::close(copy);
  ::close(fd);
}

}  // namespace
}  // namespace clemmys::enclave
