#include "softsgx/host_access.h"

#include <array>

#include "softsgx/registry.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

constexpr std::uint64_t kTrapFlag = 0x100;

consteval std::array<std::uint8_t, sgx::kPageSize> abort_page() {
  std::array<std::uint8_t, sgx::kPageSize> page{};
  page.fill(0xff);
  return page;
}
alignas(sgx::kPageSize) constexpr auto kAbortPage = abort_page();

// Touch is one instruction of this thread on abort pages. An instruction reaches four pages at most: two
// operands, each across a border.
struct Touch {
  struct Page {
    State* state;
    std::uint64_t page;
  };
  std::array<Page, 4> pages{};
  std::size_t count = 0;
  bool traced = false;  // the program had set TF itself
};
__attribute__((tls_model("initial-exec"))) thread_local Touch touch;

}  // namespace

// RDI to, RSI from, RDX size; true when done. The two labels are where a fault may be, and where it
// continues.
extern "C" bool softsgx_copy_user(void* to, const void* from, std::size_t size);
extern "C" void softsgx_copy_user_fault();
asm(R"(
  .pushsection .text
  .globl softsgx_copy_user, softsgx_copy_user_fault
  .hidden softsgx_copy_user, softsgx_copy_user_fault
  .type softsgx_copy_user, @function
softsgx_copy_user:
  mov %rdx, %rcx
  rep movsb
  mov $1, %eax
  ret
softsgx_copy_user_fault:
  xor %eax, %eax
  ret
  .popsection
)");

bool copy_user(void* to, const void* from, std::size_t size) { return softsgx_copy_user(to, from, size); }

bool fix_user_copy(ucontext_t& context) {
  auto& rip = context.uc_mcontext.gregs[REG_RIP];
  const auto begin = reinterpret_cast<long long>(&softsgx_copy_user),
             end = reinterpret_cast<long long>(&softsgx_copy_user_fault);
  if (rip < begin || rip >= end) return false;
  rip = end;
  return true;
}

HostFault touch_enclave(std::uint64_t address, bool write, ucontext_t& context) {
  State* state = find_enclave(address);
  if (state == nullptr) return HostFault::kElsewhere;
  const std::uint64_t page = state->page_of(address);
  const Mappings::Run run = state->mappings.run(page * sgx::kPageSize);
  HostFault result = HostFault::kElsewhere;
  if (!run.mapped) {
    result = HostFault::kNotMapped;
  } else if (!(run.protection & (write ? PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC))) {
    result = HostFault::kNotAllowed;
  } else if (const PagingGuard guard; state->epcm.load(page).any(EpcmEntry::kEvicted)) {
    if (epc_load(*state, page)) result = HostFault::kContinue;
  } else if (state->initialized) {
    (void)state->augment_page(page);
    const EpcmEntry entry = state->epcm.load(page);
    const bool absent = entry.any(EpcmEntry::kPending) || entry.type() == sgx::PageType::kTrim;
    if (entry.valid() && absent && touch.count < touch.pages.size()) {
      auto& flags = context.uc_mcontext.gregs[REG_EFL];
      if (touch.count == 0) touch.traced = (flags & kTrapFlag) != 0;
      (void)state->range.populate_copy(page * sgx::kPageSize, kAbortPage.data(), sgx::kPageSize);
      touch.pages[touch.count++] = {state, page};
      flags |= kTrapFlag;
      return HostFault::kContinue;  // the use of `state` ends in end_touch
    }
  }
  release_enclave(*state);
  return result;
}

bool end_touch(ucontext_t& context) {
  if (touch.count == 0) return false;
  while (touch.count > 0) {
    const auto [state, page] = touch.pages[--touch.count];
    const EpcmEntry entry = state->epcm.load(page);
    // The enclave may have accepted it meanwhile: then it has real contents.
    if (entry.any(EpcmEntry::kPending) || entry.type() == sgx::PageType::kTrim)
      (void)state->range.discard(page * sgx::kPageSize, sgx::kPageSize);
    release_enclave(*state);
  }
  if (touch.traced) return false;
  context.uc_mcontext.gregs[REG_EFL] &= ~static_cast<long long>(kTrapFlag);
  return true;
}

}  // namespace clemmys::softsgx
