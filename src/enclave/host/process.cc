#include "enclave/host/process.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>

#include "enclave/image.h"
#include "sgx/measurement.h"

namespace clemmys::enclave {
namespace {

using shield::EntryReason;
using shield::ExitReason;

constexpr std::size_t kBounceSize = 256 * 1024;

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value, const timespec* timeout) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, timeout, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace

Result<std::unique_ptr<Process>> Process::create(Platform& platform, ByteView image, ProcessOptions options) {
  std::unique_ptr<Process> process(new Process);
  process->enclave_ = TRY(load_image(platform, image));
  const auto layout = TRY(layout_of(image));
  process->options_ = std::move(options);
  if (process->options_.counts != nullptr) process->counts_ = process->options_.counts;
  process->sandbox_terms_ = {.network = (layout.manifest_flags & shield::kAllowNetwork) != 0,
                             .files = (layout.manifest_flags & shield::kAllowHostFiles) != 0,
                             .quoting = !process->options_.quote_socket.empty()};
  for (const auto* list : {&process->options_.arguments, &process->options_.environment}) {
    for (const std::string& text : *list) {
      process->argument_block_.insert(process->argument_block_.end(), text.c_str(),
                                      text.c_str() + text.size() + 1);
    }
  }
  if (process->argument_block_.size() > shield::kArgumentSizeMax)
    return Error{ErrorCode::kTooLarge, "host.arguments"};
  process->slots_ = std::vector<Slot>(layout.thread_count);
  for (std::uint64_t i = 0; i < layout.thread_count; ++i) {
    process->slots_[i].tcs = process->enclave_->base() + layout.threads_base + i * layout.thread_stride;
  }
  return process;
}

void Process::prepare(Slot& slot, std::uint64_t index) {
  constexpr std::size_t kAlignment = 64;
  slot.memory = std::make_unique_for_overwrite<std::uint8_t[]>(sizeof(shield::HostThread) + kBounceSize +
                                                               2 * kAlignment);
  const auto begin =
      (reinterpret_cast<std::uint64_t>(slot.memory.get()) + kAlignment - 1) / kAlignment * kAlignment;
  slot.block = new (reinterpret_cast<void*>(begin)) shield::HostThread{};
  slot.block->bounce_address =
      (begin + sizeof(shield::HostThread) + kAlignment - 1) / kAlignment * kAlignment;
  slot.block->bounce_size = kBounceSize;
  slot.block->tcs_index = index;
  slot.block->argument_block = reinterpret_cast<std::uint64_t>(argument_block_.data());
  slot.block->argument_size = argument_block_.size();
  slot.block->argument_count = options_.arguments.size();
  slot.block->worker = worker_awake_.load();
  slot.ready.store(true, std::memory_order_release);
}

Result<int> Process::run() {
  if (options_.exitless) std::thread([this] { work(); }).detach();
  spawn(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return status_ != nullptr; });
  return *status_;
}

std::int64_t Process::spawn(std::uint64_t index) {
  if (index >= slots_.size()) return -EINVAL;
  Slot& slot = slots_[index];
  std::lock_guard lock(mutex_);
  if (!slot.has_host_thread) {
    prepare(slot, index);
    try {
      std::thread([this, &slot] { thread_main(slot); }).detach();
    } catch (const std::system_error&) {
      return -EAGAIN;
    }
    slot.has_host_thread = true;
  }
  slot.start_token.store(1);
  futex_wake(slot.start_token);
  return 0;
}

// The host thread of a slot outlives the enclave's threads: a slot that is used again enters from the same
// one, after the earlier thread has left.
void Process::thread_main(Slot& slot) {
  do {
    while (slot.start_token.exchange(0) == 0) futex_wait(slot.start_token, 0, nullptr);
  } while (run_thread(slot));
}

bool Process::run_thread(Slot& slot) {
  Run run{.tcs = slot.tcs};
  run.rdi = static_cast<std::uint64_t>(EntryReason::kStart);
  for (;;) {
    run.rsi = reinterpret_cast<std::uint64_t>(slot.block);
    ++(run.leaf == sgx::EnterLeaf::kEenter ? counts_->eenters : counts_->eresumes);
    if (Status entered = enclave_->enter(run); !entered) {
      std::lock_guard lock(mutex_);
      finish(Error{ErrorCode::kInternal, "host.enter",
                   "the enclave could not be entered: " + to_string(entered.error())});
      return false;
    }
    if (run.exit == Exit::kFault) {
      ++counts_->aexs;
      slot.block->exception_vector = run.exception_vector;
      slot.block->exception_error_code = run.exception_error_code;
      slot.block->exception_address = run.exception_address;
      run.leaf = sgx::EnterLeaf::kEenter;
      run.rdi = static_cast<std::uint64_t>(EntryReason::kException);
      continue;
    }
    ++counts_->exits;
    if (const auto events = options_.count_paging ? enclave_->events() : std::nullopt) {
      counts_->written_out = events->ewb;
      counts_->brought_back = events->eldu;
    }
    switch (static_cast<ExitReason>(run.rdi)) {
      case ExitReason::kHostCall:
        serve(slot);
        run.leaf = sgx::EnterLeaf::kEenter;
        run.rdi = static_cast<std::uint64_t>(EntryReason::kReturn);
        break;
      case ExitReason::kResume:
        run.leaf = sgx::EnterLeaf::kEresume;
        break;
      case ExitReason::kThreadDone:
        return true;
      case ExitReason::kProcessDone: {
        std::lock_guard lock(mutex_);
        finish(status_of(slot));
        return false;
      }
      default: {
        std::lock_guard lock(mutex_);
        finish(Error{ErrorCode::kInternal, "host.exit_reason", "the enclave left for an unknown reason"});
        return false;
      }
    }
  }
}

Result<int> Process::status_of(const Slot& slot) const {
  const shield::HostCall& last = slot.block->call;
  if (last.number == __NR_exit_group) return static_cast<int>(last.arguments[0] & 0xff);
  const auto text_at = [&](std::uint64_t address, std::uint64_t size, std::string otherwise) {
    if (size > 200 || !in_bounce(slot, address, size)) return otherwise;
    return std::string(reinterpret_cast<const char*>(address), size);
  };
  std::string site = "its first entry";
  if (last.number == static_cast<std::uint64_t>(shield::OwnCall::kPanic))
    site = text_at(last.arguments[0], last.arguments[1], site);
  if (last.number == static_cast<std::uint64_t>(shield::OwnCall::kKilled)) {
    const int signal = static_cast<int>(last.arguments[0] & 0x7f);
    std::fprintf(stderr, "clemmys-host: the program was ended by signal %d (%s) at %s\n", signal,
                 strsignal(signal),
                 text_at(last.arguments[1], last.arguments[2], "an unknown place").c_str());
    return 128 + signal;
  }
  return Error{ErrorCode::kInternal, "host.enclave_stopped", "the enclave stopped at " + site};
}

void Process::finish(Result<int> status) {
  if (status_ == nullptr) status_ = std::make_unique<Result<int>>(std::move(status));
  done_.notify_all();
}

void Process::park(Slot& slot, std::uint64_t timeout_ns) {
  if (slot.park_token.exchange(0) != 0) return;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const timespec timeout{static_cast<time_t>(timeout_ns / kSecond), static_cast<long>(timeout_ns % kSecond)};
  futex_wait(slot.park_token, 0, timeout_ns == ~0ull ? nullptr : &timeout);
  slot.park_token.store(0);
}

void Process::unpark(Slot& slot) {
  if (slot.park_token.exchange(1) == 0) futex_wake(slot.park_token);
}

void print_events(const sgx::Events& events) {
  const auto line = [](const char* name, std::uint64_t value) {
    std::fprintf(stderr, "%s %llu\n", name, static_cast<unsigned long long>(value));
  };
  for (const sgx::NamedEvent& event : sgx::kNamedEvents) line(event.name, events.*event.count);
  line("modelled cycles", sgx::modelled_cycles(events));
}

}  // namespace clemmys::enclave
