#include "shield/testing/fake_host.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "shield/descriptors.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

constexpr std::size_t kThreads = 16, kBounce = kBounceSizeMin;

struct Slot {
  Thread thread{};
  HostThread block{};
  alignas(16) std::array<std::uint8_t, kBounce> bounce{};
  std::mutex mutex;
  std::condition_variable unparked;
  bool token = false;
};

std::array<Slot, kThreads> slots;
thread_local Slot* mine;
LayoutPage page;
FakeHost::Answer current;
std::atomic<std::uint64_t> count;

std::int64_t park(std::uint64_t timeout_ns) {
  std::unique_lock lock(mine->mutex);
  if (timeout_ns == ~0ull)
    mine->unparked.wait(lock, [] { return mine->token; });
  else
    mine->unparked.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [] { return mine->token; });
  mine->token = false;
  return 0;
}

std::int64_t unpark(std::uint64_t index) {
  Slot& slot = slots.at(index);
  std::lock_guard lock(slot.mutex);
  slot.token = true;
  slot.unparked.notify_one();
  return 0;
}

}  // namespace

Thread& self() { return mine->thread; }
Thread& thread_at(std::uint64_t index) { return slots.at(index).thread; }
const LayoutPage& layout() { return page; }
bool program_range(std::uint64_t address, std::uint64_t) { return address >= 4096; }
void* arena_take(std::uint64_t size) { return std::calloc(1, size); }

extern "C" void shield_exit_wait(ExitReason) {
  HostCall& call = mine->block.call;
  ++count;
  switch (static_cast<OwnCall>(call.number)) {
    case OwnCall::kPark:
      call.result = park(call.arguments[1]);
      return;
    case OwnCall::kUnpark:
      call.result = unpark(call.arguments[0]);
      return;
    default:
      call.result = current ? current(call) : 0;
  }
}

extern "C" [[noreturn]] void shield_exit_final(ExitReason) {
  const HostCall& call = mine->block.call;
  if (static_cast<OwnCall>(call.number) != OwnCall::kPanic) throw Stopped("exit_group");
  throw Stopped(std::string(reinterpret_cast<const char*>(call.arguments[0]), call.arguments[1]));
}

void join_process(std::uint32_t index) {
  mine = &slots.at(index);
  mine->thread = {};
  mine->thread.index = index;
  mine->thread.state = kThreadRunning;
  mine->block.bounce_address = address_of(mine->bounce.data());
  mine->block.bounce_size = kBounce;
  adopt_host(mine->thread, &mine->block);
}

FakeHost::FakeHost() {
  page = {};
  page.manifest_flags = kAllowNetwork | kAllowHostFiles;
  static constexpr char kPaths[] = "/state";
  page.allowed_paths = address_of(kPaths);
  page.allowed_paths_size = sizeof kPaths;
  current = {};
  count = 0;
  join_process(0);
  descriptors_start();
}

FakeHost::~FakeHost() { current = {}; }
void FakeHost::answer(Answer answer) { current = std::move(answer); }
std::uint64_t FakeHost::calls() const { return count; }
LayoutPage& FakeHost::layout_page() { return page; }

std::int64_t run(std::uint64_t number, std::uint64_t a0, std::uint64_t a1, std::uint64_t a2, std::uint64_t a3,
                 std::uint64_t a4, std::uint64_t a5) {
  const Arguments arguments{{a0, a1, a2, a3, a4, a5}};
  std::int64_t result = -ENOSYS;
  if (io_call(number, arguments, &result) || event_call(number, arguments, &result) ||
      socket_call(number, arguments, &result) || file_call(number, arguments, &result)) {
    return result;
  }
  return -ENOSYS;
}

}  // namespace clemmys::shield
