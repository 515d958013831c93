#include "softsgx/run/functions.h"

#include <cstring>

namespace clemmys::softsgx {
namespace {

constexpr std::uint8_t kVersion = 1, kPointerEncoding = 0x1b, kCountEncoding = 0x03, kTableEncoding = 0x3b;

template <typename T>
T read(std::uint64_t address) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  return value;
}

}  // namespace

std::vector<CodeRange> functions_of(const dl_phdr_info& object) {
  std::vector<CodeRange> functions;
  std::uint64_t header = 0;
  for (int i = 0; i < object.dlpi_phnum; ++i)
    if (object.dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
      header = object.dlpi_addr + object.dlpi_phdr[i].p_vaddr;
  if (header == 0 || read<std::uint8_t>(header) != kVersion ||
      read<std::uint8_t>(header + 1) != kPointerEncoding ||
      read<std::uint8_t>(header + 2) != kCountEncoding || read<std::uint8_t>(header + 3) != kTableEncoding)
    return functions;
  const auto count = read<std::uint32_t>(header + 8);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t row = header + 12 + std::uint64_t{i} * 8;
    const std::uint64_t begin = header + static_cast<std::uint64_t>(read<std::int32_t>(row)),
                        entry = header + static_cast<std::uint64_t>(read<std::int32_t>(row + 4));
    // An entry: length, CIE, then begin and size; that begin comes out right shows that both have four bytes.
    const std::uint64_t field = entry + 8;
    if (field + static_cast<std::uint64_t>(read<std::int32_t>(field)) == begin)
      functions.push_back({begin, read<std::uint32_t>(field + 4)});
  }
  return functions;
}

}  // namespace clemmys::softsgx
