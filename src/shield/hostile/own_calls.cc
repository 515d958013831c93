// Our own calls: threads, sleeping, cpuid, quotes. Pages and entries need a true enclave:
// enclave/host/entry_test.cc.
#include <linux/futex.h>
#include <linux/sched.h>

#include <chrono>
#include <memory>
#include <thread>

#include "shield/cpuid.h"
#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr auto kHere = static_cast<std::uint64_t>(-100);
constexpr std::uint64_t kNap = 3'000'000, kQuoteSizeMax = 16384;  // ns, bytes

std::uint64_t real_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// nap sleeps for kNap, and says whether the time had passed when it returned.
std::int64_t nap(World& world) {
  const std::uint64_t begin = real_ns();
  const std::int64_t result =
      run(__NR_clock_nanosleep, 1, 0, world.value(Timespec{0, static_cast<std::int64_t>(kNap)}), 0);
  return result != 0 ? result : real_ns() - begin >= kNap;
}

std::int64_t short_nap(World& world) {
  const std::uint64_t begin = real_ns();
  const std::int64_t result =
      run(__NR_nanosleep, world.value(Timespec{0, static_cast<std::int64_t>(kNap)}), 0);
  return result != 0 ? result : real_ns() - begin >= kNap;
}

// wake_one lets a thread wait (for at most 0.2 s) and wakes it: 1 when both sides agree that it was woken.
std::int64_t wake_one(World& world) {
  const std::uint64_t word = world.value(std::uint32_t{7}), timeout = world.value(Timespec{0, 200'000'000});
  std::int64_t waited = -1;
  {
    std::jthread waiter([&] {
      join_process(1);
      waited = call_futex(word, FUTEX_WAIT, 7, timeout, 0, 0);
    });
    std::int64_t woken = 0;
    for (const std::uint64_t end = real_ns() + 150'000'000; woken == 0 && real_ns() < end;)
      woken = call_futex(word, FUTEX_WAKE, 1, 0, 0, 0);
    if (woken != 1) return -1;
  }
  return waited == 0;
}

std::int64_t start_thread(World& world) {
  world.host.layout_page().thread_count = 2;
  thread_at(1) = {};
  Registers registers{};
  registers.rdi = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_SETTLS;
  return call_clone(registers);
}

std::int64_t ask_cpuid(World& world) {
  forget_cpuid();
  const CpuidAnswer answer = cpuid(7, 0);
  std::memcpy(reinterpret_cast<void*>(world.out = world.buffer(sizeof answer)), &answer, sizeof answer);
  return 0;
}

std::int64_t read_quote(World& world) {
  // The open makes the quote; reading only hands it out.
  const std::int64_t file = run(__NR_openat, kHere, address_of("/dev/attestation/quote"), 0);
  return file < 0 ? file : run(__NR_read, static_cast<std::uint64_t>(file), world.buffer(64), 64);
}

}  // namespace

std::vector<Subject> own_call_subjects() {
  const auto agree = [](World&, std::int64_t result) { return result == 1; };
  return {
      subject(
          OwnCall::kPark, 0, nap,
          [](World&, const HostCall& call) -> std::int64_t {
            std::this_thread::sleep_for(std::chrono::nanoseconds(call.arguments[1]));
            return 0;
          },
          {{"waking for no reason", says(0), nullptr, agree}, {"an error", says(-EINTR), nullptr, agree}},
          Errors::kIgnored),
      subject(OwnCall::kPark, 0, short_nap, says(0), {{"an error", says(-EINTR), nullptr, agree}},
              Errors::kIgnored),
      subject(OwnCall::kUnpark, 0, wake_one, says(0), {{"waking nobody", says(0), nullptr, agree}},
              Errors::kIgnored),
      subject(OwnCall::kSpawnThread, 0, start_thread, says(0),
              {{"a refusal, after which the thread may run all the same", says(-EAGAIN), "clone.spawn"}},
              Errors::kStop),
      subject(
          OwnCall::kCpuid, 0, ask_cpuid, writes(2, CpuidAnswer{1, 2, 3, 4}, 0),
          {{"an error", says(-EIO), "cpuid.host"},
           {"a processor that can all", writes(2, CpuidAnswer{~0u, ~0u, ~0u, ~0u}, 0), nullptr,
            [](World& world, std::int64_t) {
              const auto answer = world.read<CpuidAnswer>(world.out);
              return (answer.ebx >> 16 & 1) == 0 && (answer.edx >> 24 & 1) == 0;  // AVX-512F, AMX
            }},
           {"a processor that can nothing", writes(2, CpuidAnswer{}, 0), nullptr,
            [](World& world, std::int64_t) {
              return (world.read<CpuidAnswer>(world.out).ebx >> 18 & 1) == 1;  // RDSEED
            }},
           {"another answer the second time",
            [count = std::make_shared<std::uint32_t>(0)](World&, const HostCall& call) -> std::int64_t {
              host_write(call.arguments[2], CpuidAnswer{0, 1u << (*count)++ % 3, 0, 0});
              return 0;
            },
            nullptr,
            [](World& world, std::int64_t) { return cpuid(7, 0) == world.read<CpuidAnswer>(world.out); }}},
          Errors::kStop),
      subject(OwnCall::kTargetInfo, 0, read_quote, says(0)),
      subject(
          OwnCall::kQuote, kQuoteSizeMax, read_quote, says(100),
          {{"a quote of no size", says(0), nullptr, [](World&, std::int64_t result) { return result == 0; }},
           {"the largest quote", says(kQuoteSizeMax), nullptr,
            [](World&, std::int64_t result) { return result == 64; }}}),
  };
}

}  // namespace clemmys::shield::hostile
