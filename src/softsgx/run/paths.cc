#include "softsgx/run/paths.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <sstream>

#include "softsgx/run/vdso.h"

namespace clemmys::softsgx {
namespace {

// real_file reads a file past our own open. Empty when it cannot be read.
std::string real_file(const char* path) {
  std::string out;
  const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  char buffer[16384];
  for (ssize_t size; fd >= 0 && (size = ::read(fd, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(size));
  if (fd >= 0) ::close(fd);
  return out;
}

// processor_information is /proc/cpuinfo with the flags that the kernel shows on an SGX machine.
std::string processor_information() {
  std::istringstream file(real_file("/proc/cpuinfo"));
  std::string out;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("flags") && line.find(" sgx") == std::string::npos) line += " sgx sgx_lc";
    out += line + '\n';
  }
  return out;
}

}  // namespace

std::string absolute_path(int dirfd, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  char directory[PATH_MAX];
  const std::string link = dirfd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(dirfd);
  const ssize_t size = ::readlink(link.c_str(), directory, sizeof directory);
  if (size <= 0) return {};
  while (path.starts_with("./")) path.remove_prefix(2);
  return std::string(directory, static_cast<std::size_t>(size)) + "/" + std::string(path);
}

std::optional<std::string> machine_file(std::string_view path) {
  if (path == "/proc/self/auxv" || path == "/proc/thread-self/auxv" ||
      path == "/proc/" + std::to_string(::getpid()) + "/auxv")
    return auxiliary_vector();
  if (path == "/proc/cpuinfo") return processor_information();
  if (path == "/sys/devices/system/node/node0/x86/sgx_total_bytes") return std::to_string(epc_size()) + "\n";
  return std::nullopt;
}

std::uint64_t epc_size() {
  constexpr std::uint64_t kStandard = 256u << 20;
  const char* bytes = std::getenv("SOFTSGX_EPC_BYTES");
  const std::uint64_t size = bytes != nullptr ? std::strtoull(bytes, nullptr, 10) : 0;
  return size != 0 ? size : kStandard;
}

}  // namespace clemmys::softsgx
