#include "shield/testing/fake_host.h"

#include <sanitizer/asan_interface.h>

#include <array>
#include <atomic>
#include <bitset>
#include <condition_variable>
#include <mutex>
#include <set>

#include "shield/descriptors.h"
#include "shield/enclu.h"
#include "shield/lock.h"
#include "shield/pages.h"
#include "shield/slots.h"

namespace clemmys::shield {
namespace {

constexpr std::size_t kThreads = 16, kBounce = kBounceSizeMin;

#if __has_feature(address_sanitizer)
void reach(std::uint64_t address, std::uint64_t size) {
  __asan_unpoison_memory_region(reinterpret_cast<void*>(address), size);
}
void unreach(std::uint64_t address, std::uint64_t size) {
  __asan_poison_memory_region(reinterpret_cast<void*>(address), size);
}
#else
void reach(std::uint64_t, std::uint64_t) {}
void unreach(std::uint64_t, std::uint64_t) {}
#endif

struct Slot {
  Thread thread{};
  std::bitset<kBounce> was_read;
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
std::set<std::string, std::less<>> believed;
bool change_read = false, parks_answered = false;
FakeHost::Worker at_work = FakeHost::Worker::kNone;
std::atomic<bool> twice = false;
std::optional<std::uint64_t> counter;

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
void refused(const char* site) {
  if (!believed.contains(std::string_view(site))) panic(site);
}

void copy_in(void* target, std::uint64_t host_address, std::uint64_t size) {
  const std::uint64_t begin = host_address - address_of(mine->bounce.data());
  reach(host_address, size);
  std::memcpy(target, reinterpret_cast<const void*>(host_address), size);
  for (std::uint64_t i = begin; i < begin + size; ++i) {
    if (mine->was_read[i]) twice = true;
    mine->was_read[i] = true;
    if (change_read) mine->bounce[i] ^= 0x5a;
  }
  unreach(host_address, size);
}

void copy_out(std::uint64_t host_address, const void* source, std::uint64_t size) {
  reach(host_address, size);
  std::memcpy(reinterpret_cast<void*>(host_address), source, size);
  unreach(host_address, size);
}

void ereport(const sgx::TargetInfo*, const std::uint8_t*, sgx::Report* report) { *report = {}; }
std::uint64_t egetkey(const sgx::KeyRequest*, std::uint8_t* key) {
  std::memset(key, 0x6b, 16);
  return 0;
}
std::uint64_t time_stamp_counter() { return counter ? *counter : __builtin_ia32_rdtsc(); }

namespace {
void serve(HostCall& call) {
  if (parks_answered) {
    call.result = current(call);
    return;
  }
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
}  // namespace

namespace {
void serve_reached(HostCall& call) {
  mine->was_read.reset();
  reach(address_of(mine->bounce.data()), kBounce);
  serve(call);
  unreach(address_of(mine->bounce.data()), kBounce);
}
}  // namespace

extern "C" void shield_exit_wait(ExitReason) {
  ++count;
  mine->block.queue = kQueueIdle;  // taken back
  serve_reached(mine->block.call);
}

void let_the_worker_run() {
  std::uint32_t& queue = mine->block.queue;
  if (queue == kQueuePosted && at_work == FakeHost::Worker::kServes) serve_reached(mine->block.call);
  if (at_work == FakeHost::Worker::kServes || at_work == FakeHost::Worker::kSaysDoneOnly) queue = kQueueDone;
  if (at_work == FakeHost::Worker::kWritesNoise) queue = queue * 5 + 4;  // 9, 49, …: never "done"
}

extern "C" [[noreturn]] void shield_exit_final(ExitReason) {
  const HostCall& call = mine->block.call;
  if (static_cast<OwnCall>(call.number) != OwnCall::kPanic) throw Stopped("exit_group");
  reach(call.arguments[0], call.arguments[1]);
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
  unreach(address_of(mine->bounce.data()), kBounce);
}

// Slots: as many as the layout says, and no more.
std::uint64_t slots_made() { return page.thread_count; }
bool make_slot() { return false; }

std::int64_t fake_park(const HostCall& call) { return park(call.arguments[1]); }

FakeHost::FakeHost(const LayoutPage& layout_page) {
  page = layout_page;
  page.manifest_flags = kAllowNetwork | kAllowHostFiles;
  static constexpr char kPaths[] = "/state";
  page.allowed_paths = address_of(kPaths);
  page.allowed_paths_size = sizeof kPaths;
  count = 0;
  join_process(0);
  fake_arena_start();
  descriptors_start();
}

FakeHost::~FakeHost() {
  current = {};
  believed.clear();
  change_read = parks_answered = false;
  twice = false;
  worker(Worker::kNone);
  counter.reset();
}

void FakeHost::insecure_believe(std::string_view site) { believed.emplace(site); }
void FakeHost::worker(Worker worker) {
  at_work = worker;
  mine->block.worker = worker != Worker::kNone;
}
void FakeHost::fill_bounce(std::uint8_t byte) { mine->bounce.fill(byte); }
void FakeHost::answer_parks(bool answers) { parks_answered = answers; }
void FakeHost::change_what_was_read() { change_read = true; }
bool FakeHost::read_twice() const { return twice; }
void FakeHost::time_stamp(std::optional<std::uint64_t> value) { counter = value; }
void FakeHost::answer(Answer answer) { current = std::move(answer); }
std::uint64_t FakeHost::calls() const { return count; }
LayoutPage& FakeHost::layout_page() { return page; }

namespace {
std::set<std::uint64_t> made;
}  // namespace
const std::set<std::uint64_t>& calls_of_program() { return made; }

std::int64_t run(std::uint64_t number, std::uint64_t a0, std::uint64_t a1, std::uint64_t a2, std::uint64_t a3,
                 std::uint64_t a4, std::uint64_t a5) {
  const Arguments arguments{{a0, a1, a2, a3, a4, a5}};
  std::int64_t result = -ENOSYS;
  made.insert(number);
  if (io_call(number, arguments, &result) || event_call(number, arguments, &result) ||
      socket_call(number, arguments, &result) || file_call(number, arguments, &result)) {
    return result;
  }
  switch (number) {
    case __NR_clock_gettime:
      return call_clock_gettime(a0, a1);
    case __NR_clock_nanosleep:
      return call_nanosleep(a0, a1, a2, a3);
    case __NR_nanosleep:
      return call_nanosleep(1, 0, a0, a1);
    case __NR_gettimeofday:
      return call_gettimeofday(a0);
    case __NR_time:
      return call_time(a0);
    case __NR_times:
      return call_times(a0);
    case __NR_sched_getaffinity:
      return call_sched_getaffinity(a0, a1, a2);
    case __NR_prctl:
      return call_prctl(a0, a1, a2, a3, a4);
    case __NR_sched_yield:
      yield_to_host();
      return 0;
    default:
      return -ENOSYS;
  }
}

}  // namespace clemmys::shield
