#include "enclave/linux/vdso.h"

#include <elf.h>
#include <sys/auxv.h>

#include <cstdint>

namespace clemmys::enclave {
namespace {

struct Library {
  const char* load = nullptr;  // difference between addresses in the file and in memory
  const Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  std::size_t count = 0;
};

// count_of_gnu_hash walks to the last chain: a GNU hash table does not say how many symbols there are.
std::size_t count_of_gnu_hash(const std::uint32_t* table) {
  const std::uint32_t buckets = table[0], first = table[1], bloom_words = table[2];
  const std::uint32_t* bucket = table + 4 + bloom_words * 2;
  const std::uint32_t* chain = bucket + buckets;
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < buckets; ++i) last = bucket[i] > last ? bucket[i] : last;
  if (last < first) return first;
  while (!(chain[last - first] & 1)) ++last;
  return last + 1;
}

Library open_vdso() {
  Library library;
  const auto base = ::getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return library;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  const Elf64_Dyn* dynamic = nullptr;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD && library.load == nullptr)
      library.load = reinterpret_cast<const char*>(base + segments[i].p_offset - segments[i].p_vaddr);
    if (segments[i].p_type == PT_DYNAMIC)
      dynamic = reinterpret_cast<const Elf64_Dyn*>(base + segments[i].p_offset);
  }
  if (dynamic == nullptr || library.load == nullptr) return library;
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    const char* address = library.load + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_SYMTAB) library.symbols = reinterpret_cast<const Elf64_Sym*>(address);
    if (dynamic->d_tag == DT_STRTAB) library.names = address;
    if (dynamic->d_tag == DT_HASH) library.count = reinterpret_cast<const std::uint32_t*>(address)[1];
    if (dynamic->d_tag == DT_GNU_HASH && library.count == 0)
      library.count = count_of_gnu_hash(reinterpret_cast<const std::uint32_t*>(address));
  }
  if (library.symbols == nullptr || library.names == nullptr) library.count = 0;
  return library;
}

}  // namespace

const void* vdso_symbol(std::string_view name) {
  const Library library = open_vdso();
  for (std::size_t i = 0; i < library.count; ++i) {
    const Elf64_Sym& symbol = library.symbols[i];
    if (symbol.st_shndx != SHN_UNDEF && name == library.names + symbol.st_name)
      return library.load + symbol.st_value;
  }
  return nullptr;
}

}  // namespace clemmys::enclave
