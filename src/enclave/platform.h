// platform.h: SGX as the Linux kernel offers it, behind one interface with two ports: `linux` (the driver's
// ioctls and
// __vdso_sgx_enter_enclave) and `soft` (softsgx in this process). Nothing above this interface knows which
// one runs. Sources: Linux Documentation/arch/x86/sgx.rst, <asm/sgx.h>; Intel SDM volume 3D.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "sgx/arch.h"
#include "sgx/events.h"

namespace clemmys::enclave {

// Exit is why enter() came back. kExit: the enclave ran EEXIT. kFault: an exception inside made an AEX; the
// run block says which; the thread's SSA holds its state, and ERESUME or a nested EENTER may follow.
enum class Exit : std::uint8_t { kExit, kFault };

// Run is one entry into an enclave, as struct sgx_enclave_run and the vDSO function's registers.
struct Run {
  std::uint64_t tcs = 0;                          // absolute address of the TCS
  sgx::EnterLeaf leaf = sgx::EnterLeaf::kEenter;  // in: EENTER or ERESUME
  std::uint64_t rdi = 0, rsi = 0, rdx = 0, r8 = 0,
                r9 = 0;                // in and out: passed through to and from the enclave
  Exit exit = Exit::kExit;             // out
  std::uint16_t exception_vector = 0;  // out, kFault: 6 #UD, 13 #GP, 14 #PF, …
  std::uint16_t exception_error_code = 0;
  std::uint64_t exception_address = 0;
};

// Enclave is one enclave of this process: built by create → add_pages… → initialize, entered by any number of
// threads.
class Enclave {
 public:
  virtual ~Enclave() = default;  // removes all pages and unmaps the range
  virtual std::uint64_t base() const = 0;
  virtual std::uint64_t size() const = 0;

  // add_pages is SGX_IOC_ENCLAVE_ADD_PAGES: `content` (a multiple of 4096 bytes) at `offset`; `measure` runs
  // EEXTEND on all of it.
  virtual Status add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags, bool measure) = 0;
  // initialize is EINIT with a SIGSTRUCT; every check of the SDM applies.
  virtual Status initialize(const sgx::Sigstruct& sigstruct) = 0;

  // enter is EENTER or ERESUME on the calling thread. An error means that entering itself failed (e.g. TCS
  // busy).
  virtual Status enter(Run& run) = 0;

  // SGX2. Ranges are byte offsets from base, multiples of 4096. augment makes the pages PENDING (EAUG); the
  // enclave accepts them.
  virtual Status augment(std::uint64_t offset, std::uint64_t size) = 0;
  virtual Status restrict_permissions(std::uint64_t offset, std::uint64_t size,
                                      sgx::SecinfoFlags flags) = 0;                              // EMODPR
  virtual Status modify_type(std::uint64_t offset, std::uint64_t size, sgx::PageType type) = 0;  // EMODT
  virtual Status remove_pages(std::uint64_t offset, std::uint64_t size) = 0;  // EREMOVE after TRIM

  // events counts what happened so far; nothing where only a processor could tell.
  virtual std::optional<sgx::Events> events() const { return std::nullopt; }
};

// Platform makes enclaves. One object per process; `soft` keeps its machine keys in a directory given at
// creation.
class Platform {
 public:
  virtual ~Platform() = default;
  virtual std::string_view name() const = 0;  // "linux" or "soft"
  virtual bool has_sgx2() const = 0;
  // create is ECREATE: reserves an aligned range of secs.size and fixes its attributes. secs.baseaddr is
  // chosen here.
  virtual Result<std::unique_ptr<Enclave>> create(const sgx::Secs& secs) = 0;
};

// open_linux_platform fails with kUnsupported where /dev/sgx_enclave is missing.
Result<std::unique_ptr<Platform>> open_linux_platform();
// open_soft_platform uses (and on first use makes) the machine keys in `state_directory`, mode 0700.
Result<std::unique_ptr<Platform>> open_soft_platform(std::string_view state_directory);

}  // namespace clemmys::enclave
