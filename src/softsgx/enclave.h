// enclave.h: an emulated enclave: the ENCLS side (build, change) as functions, the ENCLU side through
// enter(). The enclave's bytes run natively in this process; what they trap on is emulated in signal handlers
// (signals.h). Threads: any number may enter; functions that change pages take a lock. Destroy it when no
// thread is inside. Source: Intel SDM volume 3D, "SGX Instruction References".
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "sgx/arch.h"
#include "sgx/events.h"
#include "softsgx/machine.h"

namespace clemmys::softsgx {

struct State;

// Entry is one EENTER or ERESUME, as the vDSO function sees it.
struct Entry {
  std::uint64_t tcs = 0;
  sgx::EnterLeaf leaf = sgx::EnterLeaf::kEenter;
  std::uint64_t rdi = 0, rsi = 0, rdx = 0, r8 = 0, r9 = 0;
  bool faulted = false;  // out: an exception made an AEX
  std::uint16_t vector = 0, error_code = 0;
  std::uint64_t address = 0;
};

// kNotModifiable is the site of the error when EMODPR or EMODT answers SGX_PAGE_NOT_MODIFIABLE.
inline constexpr std::string_view kNotModifiable = "softsgx.page_not_modifiable";

// Exits is how a marked EEXIT leaves (direct_exit.h). kDirect: an enclave that only enter() enters.
enum class Exits : std::uint8_t { kTrap, kDirect };

class Enclave {
 public:
  // create is ECREATE. secs.baseaddr 0: chosen here; else Range::reserve says what it must be.
  static Result<std::unique_ptr<Enclave>> create(std::shared_ptr<const Machine> machine,
                                                 const sgx::Secs& secs, Exits exits = Exits::kTrap);
  ~Enclave();

  // internal_state is for the other half of softsgx (run/) and its tests.
  State& internal_state() const;
  std::uint64_t base() const;
  std::uint64_t size() const;
  sgx::Events events() const;

  Status add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags,
                   bool measure);                      // EADD, EEXTEND
  Status initialize(const sgx::Sigstruct& sigstruct);  // EINIT
  Status enter(Entry& entry);
  Status augment(std::uint64_t offset, std::uint64_t size);  // EAUG
  Status restrict_permissions(std::uint64_t offset, std::uint64_t size,
                              sgx::SecinfoFlags flags);                              // EMODPR, ETRACK
  Status modify_type(std::uint64_t offset, std::uint64_t size, sgx::PageType type);  // EMODT, ETRACK
  Status remove_pages(std::uint64_t offset, std::uint64_t size);                     // EREMOVE
  // debug_read is EDBGRD, debug_write EDBGWR, of the eight bytes at an offset.
  Result<std::uint64_t> debug_read(std::uint64_t offset);
  Status debug_write(std::uint64_t offset, std::uint64_t word);

 private:
  explicit Enclave(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace clemmys::softsgx
