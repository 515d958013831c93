#include "softsgx/run/functions.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <span>

namespace clemmys::softsgx {
namespace {

constexpr std::uint8_t kVersion = 1, kPointerEncoding = 0x1b, kCountEncoding = 0x03, kTableEncoding = 0x3b;

template <typename T>
T read(std::uint64_t address) {
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  return value;
}

std::vector<CodeRange> unwindable(const dl_phdr_info& object) {
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

// File is an object's file in memory; empty: not to be had.
struct File {
  std::span<const std::uint8_t> bytes;
  explicit File(const char* path) {
    const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (fd < 0 || ::syscall(SYS_fstat, fd, &status) != 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)::syscall(SYS_close, fd);
    if (memory != MAP_FAILED) bytes = {static_cast<const std::uint8_t*>(memory), size};
  }
  ~File() {
    if (!bytes.empty()) ::munmap(const_cast<std::uint8_t*>(bytes.data()), bytes.size());
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  template <typename T>
  std::span<const T> table(std::uint64_t offset, std::uint64_t count) const {
    if (offset > bytes.size() || count > (bytes.size() - offset) / sizeof(T)) return {};
    return {reinterpret_cast<const T*>(bytes.data() + offset), count};
  }
};

enum class Kind { kFunction, kData, kOther };
Kind kind_of(const ElfW(Sym) & symbol) {
  const auto type = ELF64_ST_TYPE(symbol.st_info);
  const bool label = type == STT_NOTYPE && ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL;
  if (type == STT_FUNC || label) return Kind::kFunction;
  return type == STT_OBJECT ? Kind::kData : Kind::kOther;
}

// add_named adds functions that have a symbol in executable sections and are not among the others. One
// without a size ends where the next function or table begins.
void add_named(const File& file, std::uint64_t bias, std::vector<CodeRange>& functions) {
  const auto header = file.table<ElfW(Ehdr)>(0, 1);
  if (header.empty()) return;
  const auto sections = file.table<ElfW(Shdr)>(header[0].e_shoff, header[0].e_shnum);
  std::map<std::uint64_t, std::uint64_t> known;  // begin → size; 0: not a function
  for (const CodeRange& function : functions) known[function.begin] = function.size;
  std::map<std::uint64_t, std::uint64_t> named;
  for (const auto& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    for (const auto& symbol : file.table<ElfW(Sym)>(section.sh_offset, section.sh_size / sizeof(ElfW(Sym)))) {
      const Kind kind = kind_of(symbol);
      if (kind == Kind::kOther || symbol.st_shndx >= sections.size()) continue;
      const auto& code = sections[symbol.st_shndx];
      const std::uint64_t begin = bias + symbol.st_value, end = bias + code.sh_addr + code.sh_size;
      if (!(code.sh_flags & SHF_EXECINSTR) || begin >= end || !known.try_emplace(begin, 0).second) continue;
      if (kind == Kind::kFunction) named[begin] = symbol.st_size != 0 ? symbol.st_size : end - begin;
    }
  }
  for (auto [begin, size] : named) {
    const auto after = known.upper_bound(begin);
    auto before = known.lower_bound(begin);
    const bool inside = before != known.begin() && (--before, before->first + before->second > begin);
    if (after != known.end()) size = std::min(size, after->first - begin);
    if (!inside) functions.push_back({begin, size});
  }
}

}  // namespace

std::vector<CodeRange> functions_of(const dl_phdr_info& object, const char* path) {
  std::vector<CodeRange> functions = unwindable(object);
  add_named(File(path), object.dlpi_addr, functions);
  return functions;
}

}  // namespace clemmys::softsgx
