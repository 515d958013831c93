#include "softsgx/run/address_space.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <map>
#include <sstream>

#include "softsgx/descriptor.h"
#include "softsgx/run/files.h"
#include "softsgx/run/vdso.h"

namespace clemmys::softsgx {
namespace {

constexpr std::size_t kNameColumn = 73;

int maps_fd = -1;

std::string real_map() {
  std::string out;
  char buffer[16384];
  for (ssize_t size; (size = ::pread(maps_fd, buffer, sizeof buffer, static_cast<off_t>(out.size()))) > 0;)
    out.append(buffer, static_cast<std::size_t>(size));
  return out;
}

struct Line {
  std::uint64_t begin = 0, end = 0;
  bool reservation = false;  // no access at all
  std::string_view name;     // empty: anonymous
};

// parse reads one line of maps. False: it is none.
bool parse(const std::string& text, Line& line) {
  char access[5] = "";
  int at = 0;
  if (std::sscanf(text.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &line.begin, &line.end, access,
                  &at) < 3)
    return false;
  line.reservation = access[0] == '-' && access[1] == '-' && access[2] == '-';
  line.name = std::string_view(text).substr(static_cast<std::size_t>(at));
  return true;
}

std::string named(std::string line, std::string_view name) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  line.resize(std::max(line.size() + 1, kNameColumn), ' ');
  return line.append(name);
}

std::string device_line(const Intervals<int>::Interval& mapped) {
  char text[128];
  std::snprintf(text, sizeof text, "%08" PRIx64 "-%08" PRIx64 " %c%c%cs 00000000 00:06 1125", mapped.begin,
                mapped.end, mapped.value & PROT_READ ? 'r' : '-', mapped.value & PROT_WRITE ? 'w' : '-',
                mapped.value & PROT_EXEC ? 'x' : '-');
  return named(text, "/dev/sgx_enclave");
}

}  // namespace

void open_memory_map() {
  if (maps_fd >= 0) close_own_descriptor(maps_fd);
  const long fd = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  maps_fd = out_of_the_way(static_cast<int>(fd));
}

bool may_be_replaced(std::uint64_t begin, std::uint64_t end) {
  std::istringstream file(real_map());
  bool any = false;
  for (std::string text; std::getline(file, text); any = true) {
    Line line;
    if (!parse(text, line)) return false;
    if (line.begin < end && line.end > begin && !line.name.empty() && !line.reservation) return false;
  }
  return any;
}

std::string memory_map() {
  std::map<std::uint64_t, std::string> lines;
  Intervals<bool> ours;
  for (const auto& device : files().devices()) {
    const auto [first, last] = device->range();
    ours.set(first, last, true);
    for (const auto& mapped : device->mappings()) {
      ours.set(mapped.begin, mapped.end, true);
      lines[mapped.begin] = device_line(mapped);
    }
  }
  std::istringstream file(real_map());
  for (std::string text; std::getline(file, text);) {
    Line line;
    if (!parse(text, line) || ours.find(line.begin) != nullptr) continue;
    const std::string unnamed = text.substr(0, text.size() - line.name.size());
    if (line.begin == vdso_image())
      text = named(unnamed, "[vdso]");
    else if (line.name == "[vdso]")
      text = unnamed;
    lines[line.begin] = text;
  }
  std::string out;
  for (const auto& [begin, text] : lines) out += text + '\n';
  return out;
}

}  // namespace clemmys::softsgx
