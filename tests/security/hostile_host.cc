// hostile_host.cc: clemmys-host with a host kernel that lies to the enclave. The file `lie` in the working
// folder, as it is when the process starts, says how: "long" (more was read than asked for), "eight" (the
// same, but of reads of eight bytes only, which the runtime does not make), "errno" (an error that Linux does
// not have), "backwards" (each reading of a clock is earlier than the one before). The file `clock` holds,
// all the time, by how many seconds the time of day is ahead: a 64-bit number.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace {

const std::string& the_lie() {
  static const std::string text = [] {
    std::string word;
    std::ifstream("lie") >> word;
    return word;
  }();
  return text;
}

// seconds_ahead stays mapped when paths are gone.
const volatile std::int64_t* seconds_ahead = nullptr;

[[gnu::constructor]] void look_before_the_process_confines_itself() {
  (void)the_lie();
  const int file = open("clock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof *seconds_ahead) != 0) return;
  void* mapped = mmap(nullptr, sizeof *seconds_ahead, PROT_READ, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) seconds_ahead = static_cast<const volatile std::int64_t*>(mapped);
  close(file);
}

long kernel(long number, const long (&a)[6]) {
  long result = number;
  register long r10 asm("r10") = a[3];
  register long r8 asm("r8") = a[4];
  register long r9 asm("r9") = a[5];
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

long lie_about(long number, const long (&a)[6], long result) {
  const bool reading = number == SYS_read || number == SYS_recvfrom;
  if (the_lie() == "long" && reading && result > 0) return a[2] + 1;
  if (the_lie() == "eight" && reading && result == 8 && a[2] == 8) return 9;
  if (the_lie() == "errno" && reading) return -5000;
  if (the_lie() == "backwards" && number == SYS_clock_gettime && result == 0) {
    static long behind_s = 0;
    reinterpret_cast<timespec*>(a[1])->tv_sec -= ++behind_s;
  }
  if (number == SYS_clock_gettime && a[0] == CLOCK_REALTIME && result == 0 && seconds_ahead != nullptr)
    reinterpret_cast<timespec*>(a[1])->tv_sec += *seconds_ahead;
  return result;
}

}  // namespace

// syscall takes the place of libc's: src/enclave/host makes the enclave's calls through it.
extern "C" long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  const long result = lie_about(number, arguments, kernel(number, arguments));
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}
