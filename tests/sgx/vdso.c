/* vdso.c: three ways in which programs find a function of the vDSO. */
#include <elf.h>
#include <sys/auxv.h>

#include "sgx.h"

static const char* image(void) { return (const char*)getauxval(AT_SYSINFO_EHDR); }

static const void* dynamic(Elf64_Sxword tag) {
  const Elf64_Ehdr* header = (const void*)image();
  const Elf64_Phdr* segments = (const void*)(image() + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type != PT_DYNAMIC) continue;
    for (const Elf64_Dyn* entry = (const void*)(image() + segments[i].p_offset); entry->d_tag != DT_NULL;
         ++entry)
      if (entry->d_tag == tag) return image() + entry->d_un.d_ptr;
  }
  return 0;
}

static void* match(Elf64_Word index, const char* name) {
  const Elf64_Sym* symbol = (const Elf64_Sym*)dynamic(DT_SYMTAB) + index;
  const char* names = dynamic(DT_STRTAB);
  return symbol->st_shndx != SHN_UNDEF && !strcmp(names + symbol->st_name, name)
             ? (void*)(image() + symbol->st_value)
             : 0;
}

void* vdso_by_hash(const char* name) {
  const Elf64_Word* table = dynamic(DT_HASH);
  if (!table) return 0;
  unsigned long hash = 0;
  for (const unsigned char* c = (const void*)name; *c; ++c) {
    hash = (hash << 4) + *c;
    const unsigned long high = hash & 0xf0000000;
    hash = (hash ^ (high >> 24)) & ~high;
  }
  for (Elf64_Word i = table[2 + hash % table[0]]; i; i = table[2 + table[0] + i]) {
    void* found = match(i, name);
    if (found) return found;
  }
  return 0;
}

void* vdso_by_gnu_hash(const char* name) {
  const uint32_t* table = dynamic(DT_GNU_HASH);
  if (!table) return 0;
  uint32_t hash = 5381;
  for (const unsigned char* c = (const void*)name; *c; ++c) hash = hash * 33 + *c;
  const uint32_t buckets = table[0], first = table[1], words = table[2], shift = table[3];
  const uint64_t* filter = (const void*)(table + 4);
  const uint64_t bits = 1ull << (hash % 64) | 1ull << ((hash >> shift) % 64);
  if ((filter[hash / 64 % words] & bits) != bits) return 0;
  const uint32_t *bucket = (const void*)(filter + words), *chain = bucket + buckets;
  for (uint32_t i = bucket[hash % buckets]; i >= first; ++i) {
    void* found = (chain[i - first] | 1) == (hash | 1) ? match(i, name) : 0;
    if (found || (chain[i - first] & 1)) return found;
  }
  return 0;
}

void* vdso_by_sections(const char* name) {
  const Elf64_Ehdr* header = (const void*)image();
  const Elf64_Shdr* sections = (const void*)(image() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_DYNSYM) continue;
    const Elf64_Sym* symbols = (const void*)(image() + sections[i].sh_offset);
    const char* names = image() + sections[sections[i].sh_link].sh_offset;
    for (size_t n = 0; n < sections[i].sh_size / sizeof *symbols; ++n)
      if (!strcmp(names + symbols[n].st_name, name)) return (void*)(image() + symbols[n].st_value);
  }
  return 0;
}
