// process.h: the untrusted side of one enclave: enters its threads, serves what the shield asks for, keeps
// count. It is not trusted with anything; it in turn does not trust the enclave: only calls of a short list
// are made, only with memory of the calling thread's bounce buffer. Threads: one host thread per enclave
// thread. One Process per host process: enclave threads that block in the kernel cannot be taken back, so
// after run() the host process should end (std::_Exit).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attest/quote_protocol.h"
#include "enclave/host/counts.h"
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
  bool exitless = false;            // a thread that serves calls while the enclave stays inside (worker.cc)
  bool count_paging = false;        // the page cache has a limit
  Counts* counts = nullptr;         // where to count; outlives the Process; null: in the Process
};

class Process {
 public:
  // create parses, loads and initializes the image.
  static Result<std::unique_ptr<Process>> create(Platform& platform, ByteView image, ProcessOptions options);
  // run starts the program and returns its exit status; kInternal when the enclave stopped for another
  // reason.
  Result<int> run();
  // wanted_too_much: the enclave asked for more pages than `pages_max`.
  bool wanted_too_much() const { return wanted_too_much_; }
  const Counts& counts() const { return *counts_; }
  const Enclave& enclave() const { return *enclave_; }
  // sandbox_terms is what the image's manifest lets the program ask of this process.
  SandboxTerms sandbox_terms() const { return sandbox_terms_; }

 private:
  struct Slot {
    std::uint64_t tcs = 0;
    shield::HostThread* block = nullptr;
    std::unique_ptr<std::uint8_t[]> memory;
    std::atomic<std::uint32_t> park_token{0}, start_token{0};
    bool has_host_thread = false;    // guarded by mutex_
    std::atomic<bool> ready{false};  // `block` is there
  };
  Process() = default;
  void prepare(Slot& slot, std::uint64_t index);
  void thread_main(Slot& slot);
  // run_thread enters until the enclave thread is done; false: the process is.
  bool run_thread(Slot& slot);
  // status_of reads a thread's last words after kProcessDone.
  Result<int> status_of(const Slot& slot) const;
  void finish(Result<int> status);

  // serve.cc: serve is for a thread that left; answer serves the call in the slot's block.
  void serve(Slot& slot);
  void answer(Slot& slot);
  std::int64_t serve_own(Slot& slot, const shield::HostCall& call);
  std::int64_t serve_linux(Slot& slot, const shield::HostCall& call);
  bool in_bounce(const Slot& slot, std::uint64_t address, std::uint64_t size) const;
  std::int64_t augment(std::uint64_t offset, std::uint64_t size);
  std::int64_t spawn(std::uint64_t index);
  void park(Slot& slot, std::uint64_t timeout_ns);
  void unpark(Slot& slot);
  // worker.cc: work never returns. serve_posted serves a posted call; worker_answered is whether a call for
  // which the thread left has its answer already; wake_worker_for sees whether a worker would have been of
  // use.
  void work();
  void announce_worker(std::uint32_t awake);
  bool serve_posted(Slot& slot);
  bool worker_answered(Slot& slot);
  void wake_worker_for(Slot& slot);
  // quote.cc
  std::int64_t target_info(const Slot& slot, std::uint64_t address);
  std::int64_t quote(const Slot& slot, const std::uint64_t* arguments);
  Result<Bytes> ask_quoting(attest::QuoteRequest kind, ByteView payload);

  std::unique_ptr<Enclave> enclave_;
  ProcessOptions options_;
  SandboxTerms sandbox_terms_;
  std::atomic<std::uint64_t> added_pages_{0};
  std::atomic<bool> wanted_too_much_{false};
  Counts own_counts_;
  Counts* counts_ = &own_counts_;
  std::vector<Slot> slots_;
  std::atomic<std::uint32_t> worker_token_{0}, worker_awake_{0};
  std::atomic<std::chrono::steady_clock::duration> latest_exit_{};  // for a call that a worker could serve
  Bytes argument_block_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::unique_ptr<Result<int>> status_;  // set once; guarded by mutex_
};

// print_events writes what the processor did, and the modelled cycles, to standard error: one "name value" a
// line.
void print_events(const sgx::Events& events);

}  // namespace clemmys::enclave
