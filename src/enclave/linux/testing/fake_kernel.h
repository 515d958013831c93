// fake_kernel.h: the SGX driver and vDSO of Linux, over softsgx, with the driver's rules: alignment, order,
// what may be mapped how, partial progress with EINTR, errno for errno. The linux port runs over it as over
// the real kernel. Source: Linux arch/x86/kernel/cpu/sgx/{driver,ioctl,encl}.c, arch/x86/entry/vdso/vsgx.S.
#pragma once

#include <map>
#include <mutex>
#include <string_view>

#include "enclave/linux/kernel.h"
#include "softsgx/enclave.h"

namespace clemmys::enclave {

class FakeKernel final : public Kernel {
 public:
  explicit FakeKernel(std::shared_ptr<const softsgx::Machine> machine);
  ~FakeKernel() override;

  int open(const char* path, int flags) override;
  int close(int fd) override;
  long ioctl(int fd, unsigned long request, void* argument) override;
  std::int64_t map(std::uint64_t address, std::uint64_t size, int protection, int flags, int fd,
                   std::uint64_t offset) override;
  int unmap(std::uint64_t address, std::uint64_t size) override;
  int protect(std::uint64_t address, std::uint64_t size, int protection) override;
  void touch(std::uint64_t address) override;
  vdso_sgx_enter_enclave_t enter_function() override;
  bool has_sgx2() override { return true; }

  // What a test may take away.
  bool device_present = true, vdso_present = true, provision_present = true;
  int open_files() const { return static_cast<int>(files_.size()); }

 private:
  struct File {
    bool provision = false, may_provision = false, initialized = false;
    std::uint64_t attribute_flags = 0;
    std::unique_ptr<softsgx::Enclave> enclave;
    std::map<std::uint64_t, int> protection_max;    // page offset → what the driver lets be mapped
    std::map<std::uint64_t, std::uint64_t> mapped;  // begin → end offsets
  };
  long create(File& file, const sgx_enclave_create& argument);
  long add_pages(File& file, sgx_enclave_add_pages& argument);
  long initialize(File& file, const sgx_enclave_init& argument);
  template <typename Argument, typename Change>
  long change(File& file, Argument& argument, Change change_pages);
  File* owner(std::uint64_t address);
  static int enter(unsigned long rdi, unsigned long rsi, unsigned long rdx, unsigned function,
                   unsigned long r8, unsigned long r9, sgx_enclave_run* run);
  bool interrupted() { return ++calls_ % 3 == 0; }  // every third long ioctl stops half-way

  std::recursive_mutex lock_;
  std::shared_ptr<const softsgx::Machine> machine_;
  std::map<int, File> files_;
  int next_fd_ = 1000;
  std::uint64_t calls_ = 0;
};

}  // namespace clemmys::enclave
