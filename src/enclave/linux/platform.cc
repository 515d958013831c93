// The linux port: the driver's ioctls, mmap of its file, and the vDSO. It has never run on hardware:
// README.md.
#include "enclave/linux/platform.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "enclave/linux/call.h"

namespace clemmys::enclave {
namespace {

using sgx::kPageSize;

Error failed(std::string_view site, long result) {
  const int error = static_cast<int>(-result);
  const ErrorCode code = error == ENOMEM                     ? ErrorCode::kExhausted
                         : error == EBUSY                    ? ErrorCode::kConflict
                         : error == EACCES || error == EPERM ? ErrorCode::kDenied
                         : error == EINVAL                   ? ErrorCode::kInvalid
                                                             : ErrorCode::kInternal;
  return {code, site, std::strerror(error)};
}
bool retry(long result) { return result == -EINTR || result == -EAGAIN; }

int open_device(Kernel& kernel) { return kernel.open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC); }

class Descriptor {
 public:
  Descriptor(Kernel& kernel, int fd) : kernel_(kernel), fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) kernel_.close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  Kernel& kernel_;
  int fd_;
};

// after_exit is the vDSO's user handler: the only way to learn the registers that the enclave left. user_data
// is the Run.
int after_exit(long rdi, long rsi, long rdx, long, long r8, long r9, sgx_enclave_run* vdso_run) {
  auto& run = *reinterpret_cast<Run*>(vdso_run->user_data);
  const bool exited = vdso_run->function == static_cast<std::uint32_t>(sgx::UserLeaf::kEexit);
  run.exit = exited ? Exit::kExit : Exit::kFault;
  if (!exited) return -EFAULT;
  run.rdi = static_cast<std::uint64_t>(rdi);
  run.rsi = static_cast<std::uint64_t>(rsi);
  run.rdx = static_cast<std::uint64_t>(rdx);
  run.r8 = static_cast<std::uint64_t>(r8);
  run.r9 = static_cast<std::uint64_t>(r9);
  return 0;
}

class LinuxEnclave final : public Enclave {
 public:
  LinuxEnclave(std::shared_ptr<Kernel> kernel, int fd, std::uint64_t base, std::uint64_t size)
      : kernel_(std::move(kernel)),
        device_(*kernel_, fd),
        base_(base),
        size_(size),
        enter_(kernel_->enter_function()) {}
  ~LinuxEnclave() override { kernel_->unmap(base_, size_); }
  std::uint64_t base() const override { return base_; }
  std::uint64_t size() const override { return size_; }

  Status add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags, bool measure) override;
  Status initialize(const sgx::Sigstruct& sigstruct) override;
  Status enter(Run& run) override;
  Status augment(std::uint64_t offset, std::uint64_t size) override {
    TRY(check_range(offset, size));
    for (std::uint64_t at = offset; at < offset + size; at += kPageSize) kernel_->touch(base_ + at);
    return {};
  }
  Status restrict_permissions(std::uint64_t offset, std::uint64_t size, sgx::SecinfoFlags flags) override {
    TRY(check_range(offset, size));
    sgx_enclave_restrict_permissions arguments{.offset = offset,
                                               .length = size,
                                               .permissions = flags.bits & sgx::kSecinfoPermissions,
                                               .result = 0,
                                               .count = 0};
    return repeat(SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, arguments, "linux.restrict_permissions");
  }
  Status modify_type(std::uint64_t offset, std::uint64_t size, sgx::PageType type) override {
    TRY(check_range(offset, size));
    sgx_enclave_modify_types arguments{.offset = offset,
                                       .length = size,
                                       .page_type = static_cast<std::uint64_t>(type),
                                       .result = 0,
                                       .count = 0};
    return repeat(SGX_IOC_ENCLAVE_MODIFY_TYPES, arguments, "linux.modify_type");
  }
  Status remove_pages(std::uint64_t offset, std::uint64_t size) override {
    TRY(check_range(offset, size));
    sgx_enclave_remove_pages arguments{.offset = offset, .length = size, .count = 0};
    return repeat(SGX_IOC_ENCLAVE_REMOVE_PAGES, arguments, "linux.remove_pages");
  }

 private:
  Status check_range(std::uint64_t offset, std::uint64_t size) const {
    if (size == 0 || offset % kPageSize || size % kPageSize || offset >= size_ || size > size_ - offset)
      return Error{ErrorCode::kInvalid, "linux.range"};
    return {};
  }
  // repeat runs an ioctl that may stop part-way until its whole range is done.
  template <typename Arguments>
  Status repeat(unsigned long request, Arguments arguments, std::string_view site) {
    while (arguments.length > 0) {
      arguments.count = 0;
      const long result = kernel_->ioctl(device_.get(), request, &arguments);
      arguments.offset += arguments.count;
      arguments.length -= arguments.count;
      if (result < 0 && !retry(result)) return failed(site, result);
      if (result >= 0 && arguments.count == 0) return Error{ErrorCode::kInternal, site};
    }
    return {};
  }
  Status map_range(std::uint64_t begin, std::uint64_t end, int protection);

  std::shared_ptr<Kernel> kernel_;
  Descriptor device_;
  std::uint64_t base_, size_;
  vdso_sgx_enter_enclave_t enter_;
  std::map<std::uint64_t, std::pair<std::uint64_t, int>>
      segments_;  // begin → end and protection, of added pages
};

Status LinuxEnclave::add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags,
                               bool measure) {
  TRY(check_range(offset, content.size()));
  // The driver wants whole aligned pages; a buffer from anywhere may be neither.
  struct Free {
    void operator()(std::uint8_t* pointer) const { std::free(pointer); }
  };
  const std::unique_ptr<std::uint8_t, Free> pages(
      static_cast<std::uint8_t*>(std::aligned_alloc(kPageSize, content.size())));
  if (!pages) return Error{ErrorCode::kExhausted, "linux.add_pages.memory"};
  std::memcpy(pages.get(), content.data(), content.size());
  sgx::Secinfo secinfo{};
  secinfo.flags = flags;
  const std::uint64_t source = reinterpret_cast<std::uint64_t>(pages.get());
  for (std::uint64_t done = 0; done < content.size();) {
    sgx_enclave_add_pages arguments{.src = source + done,
                                    .offset = offset + done,
                                    .length = content.size() - done,
                                    .secinfo = reinterpret_cast<std::uint64_t>(&secinfo),
                                    .flags = measure ? std::uint64_t{SGX_PAGE_MEASURE} : 0,
                                    .count = 0};
    const long result = kernel_->ioctl(device_.get(), SGX_IOC_ENCLAVE_ADD_PAGES, &arguments);
    done += arguments.count;
    if (result < 0 && !retry(result)) return failed("linux.add_pages", result);
    if (result >= 0 && arguments.count == 0) return Error{ErrorCode::kInternal, "linux.add_pages.count"};
  }
  const bool tcs =
      flags.type() == sgx::PageType::kTcs;  // the processor reads and writes it through the page table
  const int protection = tcs ? PROT_READ | PROT_WRITE
                             : (flags.bits & sgx::kSecinfoRead ? PROT_READ : 0) |
                                   (flags.bits & sgx::kSecinfoWrite ? PROT_WRITE : 0) |
                                   (flags.bits & sgx::kSecinfoExecute ? PROT_EXEC : 0);
  segments_[offset] = {offset + content.size(), protection};
  return {};
}

Status LinuxEnclave::map_range(std::uint64_t begin, std::uint64_t end, int protection) {
  if (begin == end) return {};
  const std::int64_t where =
      kernel_->map(base_ + begin, end - begin, protection, MAP_SHARED | MAP_FIXED, device_.get(), 0);
  return where < 0 ? Status(failed("linux.map", static_cast<long>(where))) : Status();
}

// initialize maps the added pages with what the SECINFO allows, the gaps between them with everything: the
// driver adds pages there, and the EPCM, which only the enclave extends, decides what they permit.
Status LinuxEnclave::initialize(const sgx::Sigstruct& sigstruct) {
  sgx::Sigstruct copy = sigstruct;
  sgx_enclave_init arguments{.sigstruct = reinterpret_cast<std::uint64_t>(&copy)};
  long result;
  do result = kernel_->ioctl(device_.get(), SGX_IOC_ENCLAVE_INIT, &arguments);
  while (retry(result));
  if (result > 0) return Error{ErrorCode::kInvalid, "linux.einit", "EINIT answers " + std::to_string(result)};
  if (result < 0) return failed("linux.einit", result);
  constexpr int kAll = PROT_READ | PROT_WRITE | PROT_EXEC;
  std::uint64_t mapped = 0;
  for (const auto& [begin, segment] : segments_) {
    TRY(map_range(mapped, begin, kAll));
    TRY(map_range(begin, segment.first, segment.second));
    mapped = segment.first;
  }
  return map_range(mapped, size_, kAll);
}

Status LinuxEnclave::enter(Run& run) {
  sgx_enclave_run vdso_run{};
  vdso_run.tcs = run.tcs;
  vdso_run.user_handler = reinterpret_cast<std::uint64_t>(&after_exit);
  vdso_run.user_data = reinterpret_cast<std::uint64_t>(&run);
  const VdsoCall call{run.rdi, run.rsi, run.rdx,   static_cast<std::uint64_t>(run.leaf),
                      run.r8,  run.r9,  &vdso_run, enter_};
  const int result = clemmys_call_vdso(&call);
  if (result == 0) return {};
  if (result != -EFAULT) return failed("linux.enter", result);
  // A fault of EENTER itself leaves the function number as it was; one from inside says ERESUME.
  if (vdso_run.function == static_cast<std::uint32_t>(sgx::EnterLeaf::kEenter))
    return Error{ErrorCode::kConflict, "linux.eenter",
                 "exception " + std::to_string(vdso_run.exception_vector) + " on EENTER"};
  run.exit = Exit::kFault;
  run.exception_vector = vdso_run.exception_vector;
  run.exception_error_code = vdso_run.exception_error_code;
  run.exception_address = vdso_run.exception_addr;
  return {};
}

class LinuxPlatform final : public Platform {
 public:
  // `device` is for the first enclave: by then this process may have given up all paths.
  LinuxPlatform(std::shared_ptr<Kernel> kernel, int device) : kernel_(std::move(kernel)), device_(device) {}
  ~LinuxPlatform() override {
    if (device_ >= 0) kernel_->close(device_);
  }
  std::string_view name() const override { return "linux"; }
  bool has_sgx2() const override { return kernel_->has_sgx2(); }

  Result<std::unique_ptr<Enclave>> create(const sgx::Secs& secs) override {
    if (secs.size == 0 || (secs.size & (secs.size - 1)) != 0)
      return Error{ErrorCode::kInvalid, "linux.create.size"};
    const std::uint64_t base = TRY(reserve(secs.size));
    const int kept = device_.exchange(-1), fd = kept >= 0 ? kept : open_device(*kernel_);
    if (fd < 0) {
      kernel_->unmap(base, secs.size);
      return failed("linux.create.open", fd);
    }
    auto enclave = std::make_unique<LinuxEnclave>(kernel_, fd, base, secs.size);
    alignas(kPageSize) sgx::Secs page = secs;
    page.baseaddr = base;
    sgx_enclave_create arguments{.src = reinterpret_cast<std::uint64_t>(&page)};
    if (const long result = kernel_->ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &arguments); result < 0)
      return failed("linux.ecreate", result);
    if (secs.attributes.flags & sgx::kAttributeProvisionKey) TRY(allow_provision_key(fd));
    return enclave;
  }

 private:
  // reserve keeps an aligned range of address space without backing.
  Result<std::uint64_t> reserve(std::uint64_t size) {
    const std::int64_t where =
        kernel_->map(0, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (where < 0) return failed("linux.create.reserve", static_cast<long>(where));
    const auto begin = static_cast<std::uint64_t>(where), base = (begin + size - 1) & ~(size - 1);
    if (base > begin) kernel_->unmap(begin, base - begin);
    if (begin + 2 * size > base + size) kernel_->unmap(base + size, begin + size - base);
    return base;
  }
  Status allow_provision_key(int enclave_fd) {
    const Descriptor provision(*kernel_, kernel_->open("/dev/sgx_provision", O_RDONLY | O_CLOEXEC));
    if (provision.get() < 0) return failed("linux.provision.open", provision.get());
    sgx_enclave_provision arguments{.fd = static_cast<std::uint64_t>(provision.get())};
    const long result = kernel_->ioctl(enclave_fd, SGX_IOC_ENCLAVE_PROVISION, &arguments);
    return result < 0 ? Status(failed("linux.provision", result)) : Status();
  }

  std::shared_ptr<Kernel> kernel_;
  std::atomic<int> device_;
};

}  // namespace

Result<std::unique_ptr<Platform>> open_linux_platform_over(std::shared_ptr<Kernel> kernel) {
  const int fd = open_device(*kernel);
  if (fd < 0)
    return Error{ErrorCode::kUnsupported, "linux.open",
                 std::string("/dev/sgx_enclave: ") + std::strerror(-fd)};
  auto platform = std::make_unique<LinuxPlatform>(kernel, fd);
  if (kernel->enter_function() == nullptr)
    return Error{ErrorCode::kUnsupported, "linux.vdso", "the vDSO cannot enter enclaves"};
  return platform;
}

Result<std::unique_ptr<Platform>> open_linux_platform() { return open_linux_platform_over(running_kernel()); }

}  // namespace clemmys::enclave
