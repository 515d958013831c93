// control.h: one thread's side of the emulated processor. A Control block lies at the base of a slot aligned
// to kSlotSize; the rest of the slot is the thread's alternate signal stack. So a signal handler finds its
// Control from RSP alone, at a time when FS belongs to the enclave and nothing thread-local can be reached.
// Internal to softsgx.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "sgx/arch.h"

namespace clemmys::softsgx {

struct State;
struct TcsState;

inline constexpr std::uint64_t kSlotSize = 128 * 1024, kSlotCount = 4096, kControlSize = 4096;

struct Control {
  // Read and written by the assembly of enter.cc.
  std::uint64_t host_fs, host_gs, host_rsp;
  std::uint64_t enclave_fs, enclave_gs;
  std::uint64_t entry, tcs, cssa;
  std::uint64_t exit_address;      // in softsgx_exits: the address after the ENCLU that entered, and the AEP
  std::uint64_t outside_rsp_slot;  // address of GPRSGX.ursp of the frame in use
  std::uint64_t rdi, rsi, rdx, r8, r9;  // in and out
  std::uint64_t gpr[16];                // ERESUME: in the order of GprSgx
  std::uint64_t return_frame[5];        // ERESUME: RIP CS RFLAGS RSP SS
  std::uint64_t xfrm;
  std::uint64_t aep;  // of an entry by ENCLU in host code (host_entry.h); 0: entered by softsgx_eenter
  alignas(64) std::uint8_t xsave[1024];  // ERESUME: checked copy of the SSA's XSAVE area
  // Read and written by C++ alone. `inside` is the enclave this thread is in, else null.
  State* inside;
  State* trapped;  // the enclave outside the common area whose system calls this thread traps, or null
  TcsState* tcs_state;
  bool faulted;
  std::uint16_t vector, error_code;
  std::uint64_t address;
};
static_assert(sizeof(Control) <= kControlSize);

// thread_control gives this thread's block; the first call makes it, sets the signal stack and traps system
// calls made by enclave code. Fails when kSlotCount threads have one or when the kernel cannot trap.
Result<Control*> thread_control();
// handler_control is the same inside a signal handler: it leaves the signal stack to the handler's return,
// which takes it from `context`.
Result<Control*> handler_control(ucontext_t& context);
// trap_enclave_system_calls makes the thread trap those of `state`'s range, wherever it lies.
Status trap_enclave_system_calls(Control& control, State& state);

// host_signal_stack and set_host_signal_stack are what the program believes its alternate stack to be, once
// the thread has a control block.
stack_t host_signal_stack();
void set_host_signal_stack(const stack_t& stack);
// after_fork gives a child's thread back what fork takes away.
void after_fork();

// The arena of all slots; softsgx_signal_entry compares RSP with it.
extern "C" std::uint64_t softsgx_arena_base, softsgx_arena_size;
extern "C" __attribute__((tls_model("initial-exec"))) thread_local Control* softsgx_control;

// softsgx_eenter and softsgx_eresume run the enclave as Control says and return after EEXIT or AEX.
extern "C" void softsgx_eenter(Control* control);
extern "C" void softsgx_eresume(Control* control);
// softsgx_exits is where EEXIT leads, kExitSize bytes for each slot; softsgx_after_enclu where an AEX does.
// No functions to call.
inline constexpr std::uint64_t kExitSize = 16;
extern "C" void softsgx_exits();
extern "C" void softsgx_direct_exit();
extern "C" void softsgx_after_enclu();
// softsgx_signal_entry is the handler of every signal that may find the thread inside.
extern "C" void softsgx_signal_entry(int, void*, void*);

// save_state is the memory half of an AEX: writes SSA frame `cssa`, counts CSSA up, gives the TCS free,
// leaves the registers of the host in `context`. load_state is ERESUME's half: checks the frame and fills the
// Control block from it.
void save_state(Control& control, ucontext_t& context, std::uint64_t enclave_fs);
inline constexpr std::uint16_t kNoVector = 0xff;  // Control::vector of an AEX by an interrupt
// resume_state makes `context` continue as load_state read it.
void resume_state(const Control& control, ucontext_t& context);
Status load_state(Control& control, State& state, TcsState& tcs);

// leave makes `context` continue at `address` outside, with the host's FS and GS base. RSP and RIP of the
// enclave are dropped.
void leave(Control& control);

inline std::uint64_t read_gs_base() {
  std::uint64_t value;
  asm volatile("rdgsbase %0" : "=r"(value));
  return value;
}
inline void write_gs_base(std::uint64_t value) { asm volatile("wrgsbase %0" ::"r"(value)); }
inline std::uint64_t read_fs_base() {
  std::uint64_t value;
  asm volatile("rdfsbase %0" : "=r"(value));
  return value;
}

}  // namespace clemmys::softsgx
