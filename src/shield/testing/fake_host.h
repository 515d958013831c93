// fake_host.h: the shield's logic in an ordinary process. A test plays the host: it answers each call as it
// likes, lies included. Every thread has a Thread record and a bounce buffer; the "enclave" is whatever lies
// outside the bounce buffers.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>

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
  FakeHost();
  ~FakeHost();
  void answer(Answer answer);
  std::uint64_t calls() const;
  LayoutPage& layout_page();
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

// run makes one system call of the program.
std::int64_t run(std::uint64_t number, std::uint64_t a0 = 0, std::uint64_t a1 = 0, std::uint64_t a2 = 0,
                 std::uint64_t a3 = 0, std::uint64_t a4 = 0, std::uint64_t a5 = 0);

}  // namespace clemmys::shield
