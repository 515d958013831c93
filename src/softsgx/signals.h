// signals.h: signals of a process with enclaves. SIGILL, SIGSEGV and SIGTRAP carry ENCLU, SIGSYS a system
// call from inside, the rest are exceptions (traps.cc). The program's own handlers are kept in a table and
// get what is theirs: faults outside, and every signal that was sent.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>

#include "base/result.h"

namespace clemmys::softsgx {

// install_signal_handlers takes the synchronous signals, once per process, and wraps the handlers that the
// program has for other signals, so that one arriving while its thread is inside runs with the host's FS base
// on the signal stack.
Status install_signal_handlers();

// wrap_host_handlers does the second half again: call it after installing a handler later than the first
// enclave.
void wrap_host_handlers();

// wrap_library_handlers does so for the C library's own, by which it changes the credentials of all threads:
// it installs that one with the first thread.
void wrap_library_handlers();

// host_sigaction is sigaction(2) for a program that must not see these handlers: what it sets and reads is
// its own. 0, or -1 and errno.
int host_sigaction(int number, const struct sigaction* wanted, struct sigaction* old);

// forward hands a signal that is not an enclave's to the program's handler. A fault that `repeats` happens
// again when the handler is the default one and the instruction runs again; others are sent again.
enum class Default : std::uint8_t { kRepeats, kSend };
void forward(int number, siginfo_t* info, ucontext_t* context, Default when_default);

// deliver_as_kernel makes handlers run on the stacks that they ask for, in threads that have entered an
// enclave, too. Without it they run on softsgx's.
void deliver_as_kernel();

// handlers_run counts the program's handlers that ran in this thread: how a long operation notices that a
// signal came.
std::uint64_t handlers_run();

// read_memory reads this process's memory whatever its protection. False: nothing is there.
bool read_memory(std::uint64_t address, void* to, std::size_t size);
// write_executable writes one byte into a page that is not writable. False: not possible here.
bool write_executable(std::uint64_t address, std::uint8_t byte);

}  // namespace clemmys::softsgx
