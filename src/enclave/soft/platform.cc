// The soft port: Platform over softsgx in this process.
#include "enclave/platform.h"

#include "softsgx/enclave.h"
#include "softsgx/signals.h"

namespace clemmys::enclave {
namespace {

class SoftEnclave final : public Enclave {
 public:
  explicit SoftEnclave(std::unique_ptr<softsgx::Enclave> enclave) : enclave_(std::move(enclave)) {}
  std::uint64_t base() const override { return enclave_->base(); }
  std::uint64_t size() const override { return enclave_->size(); }
  Status add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags, bool measure) override {
    return enclave_->add_pages(offset, content, flags, measure);
  }
  Status initialize(const sgx::Sigstruct& sigstruct) override { return enclave_->initialize(sigstruct); }
  Status enter(Run& run) override {
    softsgx::Entry entry{.tcs = run.tcs,
                         .leaf = run.leaf,
                         .rdi = run.rdi,
                         .rsi = run.rsi,
                         .rdx = run.rdx,
                         .r8 = run.r8,
                         .r9 = run.r9};
    TRY(enclave_->enter(entry));
    run.exit = entry.faulted ? Exit::kFault : Exit::kExit;
    if (entry.faulted) {
      run.exception_vector = entry.vector;
      run.exception_error_code = entry.error_code;
      run.exception_address = entry.address;
      return {};
    }
    run.rdi = entry.rdi;
    run.rsi = entry.rsi;
    run.rdx = entry.rdx;
    run.r8 = entry.r8;
    run.r9 = entry.r9;
    return {};
  }
  Status augment(std::uint64_t offset, std::uint64_t size) override {
    return enclave_->augment(offset, size);
  }
  Status restrict_permissions(std::uint64_t offset, std::uint64_t size, sgx::SecinfoFlags flags) override {
    return enclave_->restrict_permissions(offset, size, flags);
  }
  Status modify_type(std::uint64_t offset, std::uint64_t size, sgx::PageType type) override {
    return enclave_->modify_type(offset, size, type);
  }
  Status remove_pages(std::uint64_t offset, std::uint64_t size) override {
    return enclave_->remove_pages(offset, size);
  }

  std::optional<sgx::Events> events() const override { return enclave_->events(); }

 private:
  std::unique_ptr<softsgx::Enclave> enclave_;
};

class SoftPlatform final : public Platform {
 public:
  explicit SoftPlatform(std::shared_ptr<const softsgx::Machine> machine) : machine_(std::move(machine)) {}
  std::string_view name() const override { return "soft"; }
  bool has_sgx2() const override { return true; }
  Result<std::unique_ptr<Enclave>> create(const sgx::Secs& secs) override {
    sgx::Secs placed = secs;
    placed.baseaddr = 0;
    return std::make_unique<SoftEnclave>(
        TRY(softsgx::Enclave::create(machine_, placed, softsgx::Exits::kDirect)));
  }

 private:
  std::shared_ptr<const softsgx::Machine> machine_;
};

}  // namespace

Result<std::unique_ptr<Platform>> open_soft_platform(std::string_view state_directory) {
  auto machine = TRY(softsgx::Machine::open(state_directory));
  TRY(softsgx::install_signal_handlers());  // here, where paths still exist
  return std::make_unique<SoftPlatform>(std::move(machine));
}

}  // namespace clemmys::enclave
