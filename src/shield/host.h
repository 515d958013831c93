// host.h: the only door to the untrusted side. A call is placed in the thread's HostThread block; arguments
// and answers in memory travel through the bounce buffer. Every answer is copied once, then checked: a value
// that a correct Linux could not have given ends the process (`panic`), because a host that lies once is not
// asked again.
#pragma once

#include "shield/linux.h"
#include "shield/memory.h"
#include "shield/thread.h"

namespace clemmys::shield {

// panic names the place to the host and ends the process.
[[noreturn]] void panic(const char* site);
// refused panics (refused.cc). It stands alone so that tests can link one that believes the lie, to show what
// the checks are for: testing/fake_host.cc, tests/security/insecure/believe.cc.
void refused(const char* site);
// refuse_if ends the process when the host gave what no correct host gives. Each check of an answer is one of
// these, and each has a row in hostile/.
inline void refuse_if(bool lie, const char* site) {
  if (lie) refused(site);
}
// say writes a line for people: a text, a number, and a name where there is one. Only debug images do.
void say(const char* text, uint64_t number, const char* name = "");

// adopt_host checks and remembers the HostThread block of this thread: all of it outside the enclave.
void adopt_host(Thread& thread, HostThread* host);
// outside is whether a range lies wholly outside the enclave.
bool outside(uint64_t address, uint64_t size);

// raw_call asks the host, by leaving the enclave or through a worker (exitless.h), and returns whatever it
// answered.
int64_t raw_call(uint64_t number, uint64_t a0 = 0, uint64_t a1 = 0, uint64_t a2 = 0, uint64_t a3 = 0,
                 uint64_t a4 = 0, uint64_t a5 = 0);
// answer_is_possible: an errno, or a value up to value_max.
constexpr bool answer_is_possible(int64_t answer, uint64_t value_max) {
  return answer < 0 ? answer >= -kErrnoMax : static_cast<uint64_t>(answer) <= value_max;
}
// call is raw_call with its answer checked against value_max.
template <typename... Arguments>
int64_t call(uint64_t number, uint64_t value_max, Arguments... arguments) {
  const int64_t answer = raw_call(number, static_cast<uint64_t>(arguments)...);
  refuse_if(!answer_is_possible(answer, value_max), "host.answer");
  return answer;
}
template <typename... Arguments>
int64_t call(OwnCall number, uint64_t value_max, Arguments... arguments) {
  return call(static_cast<uint64_t>(number), value_max, arguments...);
}

// copy_in and copy_out are the only accesses to the bounce buffer. Unit tests count what is read twice.
#ifdef CLEMMYS_SHIELD_HOSTED
void copy_in(void* target, uint64_t host_address, uint64_t size);
void copy_out(uint64_t host_address, const void* source, uint64_t size);
#else
inline void copy_in(void* target, uint64_t host_address, uint64_t size) {
  memcpy(target, reinterpret_cast<const void*>(host_address), size);
}
inline void copy_out(uint64_t host_address, const void* source, uint64_t size) {
  memcpy(reinterpret_cast<void*>(host_address), source, size);
}
#endif

// Bounce is this thread's untrusted buffer for the length of one call. It has no data(): bytes go out by
// put() and come back by get(), once.
class Bounce {
 public:
  Bounce() : thread_(self()) { thread_.bounce_used = 0; }
  // room is how much one transfer may carry now.
  uint64_t room() const { return thread_.bounce_size - thread_.bounce_used; }
  // reserve returns the host address of `size` bytes; the caller asked for no more than room().
  uint64_t reserve(uint64_t size);
  uint64_t put(const void* source, uint64_t size);
  // fill writes into what reserve gave.
  void fill(uint64_t host_address, const void* source, uint64_t size) const;
  void get(void* target, uint64_t host_address, uint64_t size) const;
  template <typename T>
  T get(uint64_t host_address) const {
    T value;
    get(&value, host_address, sizeof value);
    return value;
  }

 private:
  Thread& thread_;
};

}  // namespace clemmys::shield
