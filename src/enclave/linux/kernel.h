// kernel.h: all that the linux port asks of the kernel, so that tests can take parts of it away. Source:
// Linux Documentation/arch/x86/sgx.rst, <asm/sgx.h>. Results are as system calls give them: negative is
// -errno.
#pragma once

#include <asm/sgx.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>

namespace clemmys::enclave {

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual int open(const char* path, int flags) = 0;
  virtual int close(int fd) = 0;
  virtual long ioctl(int fd, unsigned long request, void* argument) = 0;
  // map is mmap(2); the result is an address or -errno.
  virtual std::int64_t map(std::uint64_t address, std::uint64_t size, int protection, int flags, int fd,
                           std::uint64_t offset) = 0;
  virtual int unmap(std::uint64_t address, std::uint64_t size) = 0;
  virtual int protect(std::uint64_t address, std::uint64_t size, int protection) = 0;
  // touch reads one byte, so that the driver adds an absent page (EAUG). The byte itself is 0xFF: the abort
  // page.
  virtual void touch(std::uint64_t address) = 0;
  // enter_function is __vdso_sgx_enter_enclave, or null where the vDSO has none.
  virtual vdso_sgx_enter_enclave_t enter_function() = 0;
  // has_sgx2 is CPUID leaf 12H, sub-leaf 0, EAX bit 1.
  virtual bool has_sgx2() = 0;
};

std::unique_ptr<Kernel> running_kernel();

}  // namespace clemmys::enclave
