// observe.cc: a function that looks at what the host answers: how much a read of eight bytes gave, and how
// often the clocks went back in twenty looks.
#include <clemmys/function.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <string>

namespace {

long eight_bytes() {
  const int event = eventfd(1, EFD_CLOEXEC);
  std::uint64_t value = 0;
  const long got = read(event, &value, sizeof value);
  close(event);
  return got;
}

long steps_back(clockid_t clock) {
  timespec before{}, now{};
  long back = 0;
  for (int i = 0; i < 20; ++i, before = now) {
    clock_gettime(clock, &now);
    if (now.tv_sec < before.tv_sec || (now.tv_sec == before.tv_sec && now.tv_nsec < before.tv_nsec)) ++back;
  }
  return back;
}

}  // namespace

int main() {
  return clemmys::serve([](const clemmys::Request&) -> clemmys::Result<clemmys::Response> {
    const long back = steps_back(CLOCK_MONOTONIC) + steps_back(CLOCK_REALTIME);
    return clemmys::Response::json("{\"read\":" + std::to_string(eight_bytes()) +
                                   ",\"back\":" + std::to_string(back) + "}");
  });
}
