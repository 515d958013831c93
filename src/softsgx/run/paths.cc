#include "softsgx/run/paths.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "softsgx/run/address_space.h"
#include "softsgx/run/next.h"
#include "softsgx/run/vdso.h"

namespace clemmys::softsgx {
namespace {

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

// misc_devices is /proc/misc, newest first, with the two nodes.
std::string misc_devices() { return "126 sgx_provision\n125 sgx_enclave\n" + real_file("/proc/misc"); }

// own_process_file: `path` is this file of /proc/self, by any of the names that this process has there.
bool own_process_file(std::string_view path, std::string_view file) {
  for (const std::string& folder : {std::string("/proc/self/"), std::string("/proc/thread-self/"),
                                    "/proc/" + std::to_string(::getpid()) + "/"})
    if (path.starts_with(folder) && path.substr(folder.size()) == file) return true;
  return false;
}

}  // namespace

std::string real_file(const char* path) {
  std::string out;
  const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  char buffer[16384];
  for (ssize_t size; fd >= 0 && (size = ::read(fd, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(size));
  if (fd >= 0) ::close(fd);
  return out;
}

std::string absolute_path(int dirfd, std::string_view path) {
  const auto plain = [](const std::string& full) {
    return std::filesystem::path(full).lexically_normal().string();
  };
  if (path.starts_with('/')) return plain(std::string(path));
  char directory[PATH_MAX];
  const std::string link = dirfd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(dirfd);
  const ssize_t size = ::readlink(link.c_str(), directory, sizeof directory);
  if (size <= 0) return {};
  return plain(std::string(directory, static_cast<std::size_t>(size)) + "/" + std::string(path));
}

std::string behind_links(int dirfd, std::string_view path) {
  constexpr int kMostLinks = 40;
  std::filesystem::path at = absolute_path(dirfd, path);
  bool linked = false;
  for (int links = 0; links < kMostLinks && at.has_filename(); ++links) {
    char folder[PATH_MAX], target[PATH_MAX];
    if (NEXT(realpath)(at.parent_path().c_str(), folder) == nullptr) return {};
    linked = linked || at.parent_path() != folder;
    at = folder / at.filename();
    const long size = ::syscall(SYS_readlink, at.c_str(), target, sizeof target);
    if (size <= 0) return linked ? at.string() : std::string();
    linked = true;
    at = (folder / std::filesystem::path(std::string(target, static_cast<std::size_t>(size))))
             .lexically_normal();
  }
  return {};
}

bool is_own_memory(std::string_view path) { return own_process_file(path, "mem"); }

std::optional<std::string> machine_file(std::string_view path) {
  if (own_process_file(path, "auxv")) return auxiliary_vector();
  if (own_process_file(path, "maps")) return memory_map();
  if (path == "/proc/cpuinfo") return processor_information();
  if (path == "/proc/misc") return misc_devices();
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
