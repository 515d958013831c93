#include "enclave/linux/kernel.h"

#include <cpuid.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "enclave/linux/vdso.h"

namespace clemmys::enclave {
namespace {

class RunningKernel final : public Kernel {
 public:
  int open(const char* path, int flags) override {
    const int fd = ::open(path, flags);
    return fd < 0 ? -errno : fd;
  }
  int close(int fd) override { return ::close(fd) < 0 ? -errno : 0; }
  long ioctl(int fd, unsigned long request, void* argument) override {
    const int result = ::ioctl(fd, request, argument);
    return result < 0 ? -errno : result;
  }
  std::int64_t map(std::uint64_t address, std::uint64_t size, int protection, int flags, int fd,
                   std::uint64_t offset) override {
    void* where =
        ::mmap(reinterpret_cast<void*>(address), size, protection, flags, fd, static_cast<off_t>(offset));
    return where == MAP_FAILED ? -errno : reinterpret_cast<std::int64_t>(where);
  }
  int unmap(std::uint64_t address, std::uint64_t size) override {
    return ::munmap(reinterpret_cast<void*>(address), size) < 0 ? -errno : 0;
  }
  int protect(std::uint64_t address, std::uint64_t size, int protection) override {
    return ::mprotect(reinterpret_cast<void*>(address), size, protection) < 0 ? -errno : 0;
  }
  void touch(std::uint64_t address) override {
    (void)*reinterpret_cast<const volatile std::uint8_t*>(address);
  }
  vdso_sgx_enter_enclave_t enter_function() override {
    return reinterpret_cast<vdso_sgx_enter_enclave_t>(
        const_cast<void*>(vdso_symbol("__vdso_sgx_enter_enclave")));
  }
  bool has_sgx2() override {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & (1u << 2))) return false;
    return __get_cpuid_count(0x12, 0, &eax, &ebx, &ecx, &edx) && (eax & 2);
  }
};

}  // namespace

std::unique_ptr<Kernel> running_kernel() { return std::make_unique<RunningKernel>(); }

}  // namespace clemmys::enclave
