// fake_host.h: the shield's logic in an ordinary process. A test plays the host: it answers each call as it
// likes, lies included. Every thread has a Thread record and a bounce buffer; the "enclave" is whatever lies
// outside the bounce buffers. Under AddressSanitizer the bounce buffer is out of reach for everything but
// copy_in, copy_out and the host.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "shield/calls.h"
#include "shield/host.h"

namespace clemmys::shield {

// Stopped is thrown where a real shield would end the process; what() is the site.
struct Stopped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class FakeHost {
 public:
  // Answer gets the call and returns what the host says; it may write into the bounce buffer.
  using Answer = std::function<std::int64_t(const HostCall&)>;
  explicit FakeHost(const LayoutPage& layout_page = {});
  ~FakeHost();
  void answer(Answer answer);
  // insecure_believe switches one check off: refuse_if of this site lets lies pass.
  void insecure_believe(std::string_view site);
  // change_what_was_read overwrites each byte of the bounce buffer as soon as the shield has copied it: a
  // shield that looks twice sees another value the second time.
  void change_what_was_read();
  // read_twice is whether any byte was copied twice between two calls.
  bool read_twice() const;
  // worker: what answers posted calls (exitless.h). kSleeps never does, kWritesNoise writes anything but
  // "done", kSaysDoneOnly does not serve.
  enum class Worker : std::uint8_t { kNone, kServes, kSleeps, kWritesNoise, kSaysDoneOnly };
  void worker(Worker worker);
  // fill_bounce writes over all of this thread's bounce buffer; the host may, at any time.
  void fill_bounce(std::uint8_t byte);
  // answer_parks: the answer decides about sleeping and waking, too.
  void answer_parks(bool answers);
  std::uint64_t calls() const;
  LayoutPage& layout_page();
  // The processor: what time_stamp_counter gives; no value: the true counter.
  void time_stamp(std::optional<std::uint64_t> counter);
};

// join_process makes the calling thread one of the shield's, with this slot.
void join_process(std::uint32_t index);

// host_write puts bytes where the shield asked for them.
template <typename T>
void host_write(std::uint64_t address, const T& value) {
  std::memcpy(reinterpret_cast<void*>(address), &value, sizeof value);
}
template <typename T>
T host_read(std::uint64_t address) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  return value;
}

inline std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

// fake_arena_start begins the tables of another process (fake_arena.cc).
void fake_arena_start();

// fake_park is how an honest host parks.
std::int64_t fake_park(const HostCall& call);

// forget_time and forget_cpuid let the shield begin anew, as in another process (time_calls.cc, cpuid.cc).
void forget_time();
void forget_cpuid();

// calls_of_program are the numbers that run() was given, since the process began.
const std::set<std::uint64_t>& calls_of_program();
// run makes one system call of the program.
std::int64_t run(std::uint64_t number, std::uint64_t a0 = 0, std::uint64_t a1 = 0, std::uint64_t a2 = 0,
                 std::uint64_t a3 = 0, std::uint64_t a4 = 0, std::uint64_t a5 = 0);

}  // namespace clemmys::shield
