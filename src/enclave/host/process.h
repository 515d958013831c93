// process.h: the untrusted side of one enclave: enters its threads, serves what the shield asks for, keeps
// count. It is not trusted with anything; it in turn does not trust the enclave: only calls of a short list
// are made, only with memory of the calling thread's bounce buffer. Threads: one host thread per enclave
// thread. One Process per host process: enclave threads that block in the kernel cannot be taken back, so
// after run() the host process should end (std::_Exit).
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attest/quote_protocol.h"
#include "enclave/host/sandbox.h"
#include "enclave/platform.h"
#include "shield/abi.h"

namespace clemmys::enclave {

// Mount lets a path of the program's allow-list name a place that differs by machine: /state=/var/lib/….
struct Mount {
  std::string inside, outside;
};

struct ProcessOptions {
  std::vector<std::string> arguments;    // argv, with argv[0]
  std::vector<std::string> environment;  // NAME=value; the shield lets only CLEMMYS_… pass
  std::vector<Mount> mounts;
  std::string quote_socket;         // of the quoting service; empty: no quotes, unless `quoting` is set
  int quoting = -1;                 // a connection to it, for one quote; closed by the process
  std::uint64_t pages_max = ~0ull;  // that the enclave may add to its image's, at one time
};

struct Counts {
  std::atomic<std::uint64_t> eenters{0}, eresumes{0}, exits{0}, aexs{0}, augmented_pages{0}, augment_calls{0};
  static constexpr std::size_t kNumbersMax = 512;
  std::array<std::atomic<std::uint64_t>, kNumbersMax> calls{};  // Linux calls by number
  std::array<std::atomic<std::uint64_t>, 16> own_calls{};       // OwnCall by number - 0x10000
};

class Process {
 public:
  // create parses, loads and initializes the image.
  static Result<std::unique_ptr<Process>> create(Platform& platform, ByteView image, ProcessOptions options);
  // run starts the program and returns its exit status; kInternal when the enclave stopped for another
  // reason.
  Result<int> run();
  const Counts& counts() const { return counts_; }
  const Enclave& enclave() const { return *enclave_; }
  // sandbox_terms is what the image's manifest lets the program ask of this process.
  SandboxTerms sandbox_terms() const { return sandbox_terms_; }

 private:
  struct Slot {
    std::uint64_t tcs = 0;
    shield::HostThread* block = nullptr;
    std::unique_ptr<std::uint8_t[]> memory;
    std::atomic<std::uint32_t> park_token{0}, start_token{0};
    bool has_host_thread = false;  // guarded by mutex_
  };
  Process() = default;
  void prepare(Slot& slot, std::uint64_t index);
  void thread_main(Slot& slot);
  // run_thread enters until the enclave thread is done; false: the process is.
  bool run_thread(Slot& slot);
  // status_of reads a thread's last words after kProcessDone.
  Result<int> status_of(const Slot& slot) const;
  void finish(Result<int> status);

  // serve.cc
  void serve(Slot& slot);
  std::int64_t serve_own(Slot& slot, const shield::HostCall& call);
  std::int64_t serve_linux(Slot& slot, const shield::HostCall& call);
  bool in_bounce(const Slot& slot, std::uint64_t address, std::uint64_t size) const;
  std::int64_t augment(std::uint64_t offset, std::uint64_t size);
  std::int64_t spawn(std::uint64_t index);
  void park(Slot& slot, std::uint64_t timeout_ns);
  void unpark(Slot& slot);
  // quote.cc
  std::int64_t target_info(const Slot& slot, std::uint64_t address);
  std::int64_t quote(const Slot& slot, const std::uint64_t* arguments);
  Result<Bytes> ask_quoting(attest::QuoteRequest kind, ByteView payload);

  std::unique_ptr<Enclave> enclave_;
  ProcessOptions options_;
  SandboxTerms sandbox_terms_;
  std::atomic<std::uint64_t> added_pages_{0};
  Counts counts_;
  std::vector<Slot> slots_;
  Bytes argument_block_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::unique_ptr<Result<int>> status_;  // set once; guarded by mutex_
};

// print_events writes what the processor did, and the modelled cycles, to standard error: one "name value" a
// line.
void print_events(const sgx::Events& events);
// print_counts writes a readable table to standard error.
void print_counts(const Counts& counts);

}  // namespace clemmys::enclave
