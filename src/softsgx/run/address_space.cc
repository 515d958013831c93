#include "softsgx/run/address_space.h"

#include <cinttypes>
#include <cstdio>
#include <memory>

namespace clemmys::softsgx {

bool may_be_replaced(std::uint64_t begin, std::uint64_t end) {
  const std::unique_ptr<FILE, int (*)(FILE*)> maps(std::fopen("/proc/self/maps", "re"), std::fclose);
  if (!maps) return false;
  char line[512];
  while (std::fgets(line, sizeof line, maps.get()) != nullptr) {
    std::uint64_t from = 0, to = 0;
    char access[5] = "", name[2] = "";
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %1s", &from, &to, access, name) < 3)
      return false;
    const bool reservation = access[0] == '-' && access[1] == '-' && access[2] == '-';
    if (from < end && to > begin && name[0] != 0 && !reservation) return false;
  }
  return true;
}

}  // namespace clemmys::softsgx
