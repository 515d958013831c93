// imports.cc: WASI's functions as the translated module calls them. Each is a thin shell: its work is done in
// a function that returns, and only then is a trap raised, so that no destructor is jumped over
// (wasm/sandbox.h).
#include <new>

#include "runtime/wasi/command.h"

using Wasi = Z_wasi_snapshot_preview1_instance_t;
using namespace clemmys::runtime::wasi;

namespace {

// kStepsPerCall: a call may copy kTransferSizeMax bytes.
constexpr std::uint32_t kStepsPerCall = 1u << 12;

// shell calls one function of Process and ends the module when it may not go on. No exception passes through
// translated code.
template <auto function, typename... Arguments>
u32 shell(Wasi* wasi, Arguments... arguments) {
  Errno result = Errno::kNoMemory;
  try {
    result = (wasi->process->*function)(ModuleMemory(*wasi->memory), arguments...);
  } catch (const std::bad_alloc&) {
  }
  if (wasi->process->must_end()) clemmys::wasm::trap_from_host();
  clemmys::wasm::charge(kStepsPerCall);
  return static_cast<u32>(result);
}

}  // namespace

extern "C" {

u32 Z_wasi_snapshot_preview1Z_args_get(Wasi* wasi, u32 pointers, u32 text) {
  return shell<&Process::args_get>(wasi, pointers, text);
}
u32 Z_wasi_snapshot_preview1Z_args_sizes_get(Wasi* wasi, u32 count, u32 size) {
  return shell<&Process::args_sizes_get>(wasi, count, size);
}
u32 Z_wasi_snapshot_preview1Z_environ_get(Wasi* wasi, u32 pointers, u32 text) {
  return shell<&Process::environ_get>(wasi, pointers, text);
}
u32 Z_wasi_snapshot_preview1Z_environ_sizes_get(Wasi* wasi, u32 count, u32 size) {
  return shell<&Process::environ_sizes_get>(wasi, count, size);
}
u32 Z_wasi_snapshot_preview1Z_clock_res_get(Wasi* wasi, u32 clock, u32 out) {
  return shell<&Process::clock_res_get>(wasi, clock, out);
}
u32 Z_wasi_snapshot_preview1Z_clock_time_get(Wasi* wasi, u32 clock, u64 precision, u32 out) {
  return shell<&Process::clock_time_get>(wasi, clock, precision, out);
}
u32 Z_wasi_snapshot_preview1Z_random_get(Wasi* wasi, u32 out, u32 size) {
  return shell<&Process::random_get>(wasi, out, size);
}
u32 Z_wasi_snapshot_preview1Z_fd_close(Wasi* wasi, u32 descriptor) {
  return shell<&Process::fd_close>(wasi, descriptor);
}
u32 Z_wasi_snapshot_preview1Z_fd_fdstat_get(Wasi* wasi, u32 descriptor, u32 out) {
  return shell<&Process::fd_fdstat_get>(wasi, descriptor, out);
}
u32 Z_wasi_snapshot_preview1Z_fd_prestat_get(Wasi* wasi, u32 descriptor, u32 out) {
  return shell<&Process::fd_prestat_get>(wasi, descriptor, out);
}
u32 Z_wasi_snapshot_preview1Z_fd_prestat_dir_name(Wasi* wasi, u32 descriptor, u32 path, u32 size) {
  return shell<&Process::fd_prestat_dir_name>(wasi, descriptor, path, size);
}
u32 Z_wasi_snapshot_preview1Z_fd_read(Wasi* wasi, u32 descriptor, u32 vectors, u32 count, u32 size_out) {
  return shell<&Process::fd_read>(wasi, descriptor, vectors, count, size_out);
}
u32 Z_wasi_snapshot_preview1Z_fd_seek(Wasi* wasi, u32 descriptor, u64 offset, u32 whence, u32 out) {
  return shell<&Process::fd_seek>(wasi, descriptor, offset, whence, out);
}
u32 Z_wasi_snapshot_preview1Z_fd_write(Wasi* wasi, u32 descriptor, u32 vectors, u32 count, u32 size_out) {
  return shell<&Process::fd_write>(wasi, descriptor, vectors, count, size_out);
}
u32 Z_wasi_snapshot_preview1Z_poll_oneoff(Wasi* wasi, u32 subscriptions, u32 events, u32 count,
                                          u32 count_out) {
  return shell<&Process::poll_oneoff>(wasi, subscriptions, events, count, count_out);
}
u32 Z_wasi_snapshot_preview1Z_sched_yield(Wasi* wasi) { return shell<&Process::sched_yield>(wasi); }

void Z_wasi_snapshot_preview1Z_proc_exit(Wasi* wasi, u32 status) {
  wasi->process->proc_exit(status);
  clemmys::wasm::trap_from_host();
}

#define CLEMMYS_WASI_MISSING(name, ...) \
  u32 Z_wasi_snapshot_preview1Z_##name(Wasi*, __VA_ARGS__) { return static_cast<u32>(Errno::kNotThere); }
CLEMMYS_WASI_CALLS_MISSING(CLEMMYS_WASI_MISSING)
}
