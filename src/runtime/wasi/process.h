// process.h: one run of a WASI command (preview 1) as its module sees it: arguments, environment, three
// streams, clocks, randomness, an end. No files, no sockets, no other process.
//
// Idea: every number that a call gets is the module's word. A call checks all of it against the module's
// memory before it does anything, and gives an errno when something is outside: fault. One call copies
// kTransferSizeMax bytes at most, so that no call lasts. Trust: trusted; the module is not. Threads: one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "runtime/wasi/module_memory.h"
#include "runtime/wasi/output.h"
#include "runtime/wasm/deadline.h"

namespace clemmys::runtime::wasi {

// Errno: WASI's numbers (docs.md, errno).
enum class Errno : std::uint32_t {
  kSuccess = 0,
  kBadDescriptor = 8,
  kFault = 21,
  kInvalid = 28,
  kNoMemory = 48,
  kNotThere = 52,  // nosys
  kNotSupported = 58,
  kNoSeek = 70  // spipe
};

inline constexpr std::uint32_t kTransferSizeMax = 1u << 20;  // bytes, in one read or write
inline constexpr std::uint32_t kVectorsMax = 1024;           // iovecs, subscriptions; Linux' IOV_MAX

class Process {
 public:
  using ErrorStream = std::function<void(std::string_view piece)>;
  // What `start` and `input` refer to must outlive the process.
  struct Start {
    std::vector<std::string> arguments, environment;  // environment: NAME=value
    ByteView input;
  };
  Process(Start start, const Clock& clock, const wasm::Deadline& deadline, Output output, ErrorStream errors);

  // must_end: the module may not go on: it asked to end, or its time is over.
  bool must_end() const { return status_.has_value() || out_of_time_; }
  std::optional<std::uint32_t> status() const { return status_; }
  bool out_of_time() const { return out_of_time_; }
  Output& output() { return output_; }

  // The calls, as WASI names them.
  Errno args_get(ModuleMemory memory, std::uint32_t pointers, std::uint32_t text) const;
  Errno args_sizes_get(ModuleMemory memory, std::uint32_t count, std::uint32_t size) const;
  Errno environ_get(ModuleMemory memory, std::uint32_t pointers, std::uint32_t text) const;
  Errno environ_sizes_get(ModuleMemory memory, std::uint32_t count, std::uint32_t size) const;
  Errno clock_res_get(ModuleMemory memory, std::uint32_t clock, std::uint32_t out) const;
  Errno clock_time_get(ModuleMemory memory, std::uint32_t clock, std::uint64_t precision,
                       std::uint32_t out) const;
  Errno random_get(ModuleMemory memory, std::uint32_t out, std::uint32_t size);
  Errno fd_close(ModuleMemory memory, std::uint32_t descriptor);
  Errno fd_fdstat_get(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t out) const;
  Errno fd_prestat_get(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t out) const;
  Errno fd_prestat_dir_name(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t path,
                            std::uint32_t size) const;
  Errno fd_read(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t vectors, std::uint32_t count,
                std::uint32_t size_out);
  Errno fd_seek(ModuleMemory memory, std::uint32_t descriptor, std::uint64_t offset, std::uint32_t whence,
                std::uint32_t out) const;
  Errno fd_write(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t vectors, std::uint32_t count,
                 std::uint32_t size_out);
  Errno poll_oneoff(ModuleMemory memory, std::uint32_t subscriptions, std::uint32_t events,
                    std::uint32_t count, std::uint32_t count_out);
  Errno sched_yield(ModuleMemory memory) const;
  void proc_exit(std::uint32_t status) { status_ = status; }

 private:
  bool is_open(std::uint32_t descriptor) const { return descriptor < open_.size() && open_[descriptor]; }
  std::optional<std::uint64_t> now_ns(std::uint32_t clock) const;

  Start start_;
  const Clock& clock_;
  const wasm::Deadline& deadline_;
  Output output_;
  ErrorStream errors_;
  std::size_t read_ = 0;  // bytes of the input
  std::array<bool, 3> open_{true, true, true};
  std::optional<std::uint32_t> status_;
  bool out_of_time_ = false;
};

}  // namespace clemmys::runtime::wasi
