// interpose_find.cc: the dynamic linker's ways to the vDSO: dl_iterate_phdr, _dl_find_object, dladdr, dlsym
// and dlvsym. The linker took note of the kernel's vDSO before we were there.
#include <dlfcn.h>
#include <link.h>

#include <cstring>

#include "softsgx/run/next.h"
#include "softsgx/run/vdso.h"

namespace clemmys::softsgx {
namespace {

const ElfW(Ehdr) & image_header() { return *reinterpret_cast<const ElfW(Ehdr)*>(vdso_image()); }
const ElfW(Phdr) * image_segments() {
  return reinterpret_cast<const ElfW(Phdr)*>(vdso_image() + image_header().e_phoff);
}

struct Visitor {
  int (*callback)(dl_phdr_info*, std::size_t, void*);
  void* data;
};

// visit shows our image in the place of the kernel's.
int visit(dl_phdr_info* object, std::size_t size, void* visitor) {
  const auto& [callback, data] = *static_cast<const Visitor*>(visitor);
  const auto headers = reinterpret_cast<std::uint64_t>(object->dlpi_phdr);
  if (kernel_vdso() == 0 || headers < kernel_vdso() || headers >= kernel_vdso() + 4096)
    return callback(object, size, data);
  dl_phdr_info shown{};
  std::memcpy(&shown, object, std::min(size, sizeof shown));
  shown.dlpi_addr = vdso_image();
  shown.dlpi_phdr = image_segments();
  shown.dlpi_phnum = image_header().e_phnum;
  return callback(&shown, size, data);
}

// name_in_image sets the symbol of the image that an address lies in; none: null.
void name_in_image(std::uint64_t at, Dl_info& out) {
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  const std::uint32_t* hash = nullptr;
  for (int i = 0; i < image_header().e_phnum; ++i) {
    if (image_segments()[i].p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(vdso_image() + image_segments()[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      const std::uint64_t place = vdso_image() + entry->d_un.d_ptr;
      if (entry->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(place);
      if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(place);
      if (entry->d_tag == DT_HASH) hash = reinterpret_cast<const std::uint32_t*>(place);
    }
  }
  for (std::uint32_t i = 1; hash != nullptr && i < hash[1]; ++i) {
    const std::uint64_t begin = vdso_image() + symbols[i].st_value;
    if (at < begin || at >= begin + symbols[i].st_size) continue;
    out.dli_sname = names + symbols[i].st_name;
    out.dli_saddr = reinterpret_cast<void*>(begin);
  }
}

// equal and ends_with call nothing: a sanitizer may stand in front of the C library, and not be ready yet.
bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}
bool ends_with(const char* text, const char* end) {
  for (; *text != 0; ++text)
    if (equal(text, end)) return true;
  return false;
}
bool contains(const char* text, const char* part) {
  for (; *text != 0; ++text) {
    std::size_t same = 0;
    while (part[same] != 0 && text[same] == part[same]) ++same;
    if (part[same] == 0) return true;
  }
  return false;
}

// in_library looks a function up in one loaded object, by its DT_GNU_HASH; null: not there. The linker has
// made the pointers of its dynamic section absolute.
void* in_library(const link_map& library, const char* name) {
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  const std::uint32_t* table = nullptr;
  for (const ElfW(Dyn)* entry = library.l_ld; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(entry->d_un.d_ptr);
    if (entry->d_tag == DT_GNU_HASH) table = reinterpret_cast<const std::uint32_t*>(entry->d_un.d_ptr);
  }
  if (symbols == nullptr || names == nullptr || table == nullptr) return nullptr;
  std::uint32_t hash = 5381;
  for (const char* c = name; *c != 0; ++c) hash = hash * 33 + static_cast<unsigned char>(*c);
  const std::uint32_t buckets = table[0], first = table[1], filter_words = table[2];
  const std::uint32_t *bucket = table + 4 + 2 * filter_words, *chain = bucket + buckets;
  for (std::uint32_t i = bucket[hash % buckets]; i >= first; ++i) {
    const bool same = (chain[i - first] | 1) == (hash | 1) && equal(names + symbols[i].st_name, name);
    if (same && symbols[i].st_shndx != SHN_UNDEF)
      return reinterpret_cast<void*>(library.l_addr + symbols[i].st_value);
    if (chain[i - first] & 1) return nullptr;
  }
  return nullptr;
}

}  // namespace

void* c_library(const char* name) {
  for (const link_map* library = _r_debug.r_map; library != nullptr; library = library->l_next) {
    if (!ends_with(library->l_name, "/libc.so.6") && !ends_with(library->l_name, "/libdl.so.2")) continue;
    if (void* found = in_library(*library, name)) return found;
  }
  return nullptr;
}

// Nothing here allocates or waits for the linker: the caller may be an allocator that holds its lock.
void* past_allocators(const char* name) {
  const link_map* library = _r_debug.r_map;
  while (library != nullptr && library->l_ld != _DYNAMIC) library = library->l_next;
  for (; library != nullptr; library = library->l_next) {
    const char* file = library->l_name;
    if (!contains(file, "/libclang_rt.") && !contains(file, "/libasan.") && !contains(file, "/libtsan."))
      continue;
    if (void* found = in_library(*library, name)) return found;
  }
  return c_library(name);
}

}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

SOFTSGX_EXPORT int dl_iterate_phdr(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data) {
  Visitor visitor{callback, data};
  return NEXT(dl_iterate_phdr)(visit, &visitor);
}

// _dl_find_object is how unwinders ask: an exception may pass through the vDSO function from a handler.
// Before there is an image no address lies in it.
SOFTSGX_EXPORT int _dl_find_object(void* address, dl_find_object* out) noexcept {
  const std::uint64_t begin = vdso_image(), at = reinterpret_cast<std::uint64_t>(address);
  const std::uint64_t end = begin + vdso_image_size();
  if (at < begin || at >= end) return NEXT(_dl_find_object)(address, out);
  *out = {};
  out->dlfo_map_start = reinterpret_cast<void*>(begin);
  out->dlfo_map_end = reinterpret_cast<void*>(end);
  for (int i = 0; i < image_header().e_phnum; ++i)
    if (image_segments()[i].p_type == PT_GNU_EH_FRAME)
      out->dlfo_eh_frame = reinterpret_cast<void*>(begin + image_segments()[i].p_vaddr);
  return 0;
}

SOFTSGX_EXPORT int dladdr(const void* address, Dl_info* out) noexcept {
  const std::uint64_t begin = vdso_image(), at = reinterpret_cast<std::uint64_t>(address);
  if (at < begin || at >= begin + vdso_image_size()) return NEXT(dladdr)(address, out);
  *out = {.dli_fname = "linux-vdso.so.1",
          .dli_fbase = reinterpret_cast<void*>(begin),
          .dli_sname = nullptr,
          .dli_saddr = nullptr};
  name_in_image(at, *out);
  return 1;
}

extern "C" {

// softsgx_dlsym and softsgx_dlvsym are the C library's.
void *softsgx_dlsym = nullptr, *softsgx_dlvsym = nullptr;
}

namespace clemmys::softsgx {
namespace {

// ours is the function that stands in front of the one that the handle gives, which is the C library's; null:
// none does.
void* ours(void* handle, const char* name) {
  void* const theirs = reinterpret_cast<void* (*)(void*, const char*)>(softsgx_dlsym)(handle, name);
  dl_find_object object;
  if (theirs == nullptr || NEXT(_dl_find_object)(theirs, &object) != 0 ||
      !ends_with(object.dlfo_link_map->l_name, "/libc.so.6"))
    return nullptr;
  for (const link_map* library = _r_debug.r_map; library != nullptr; library = library->l_next)
    if (library->l_ld == _DYNAMIC) return in_library(*library, name);
  return nullptr;
}

}  // namespace
}  // namespace clemmys::softsgx

extern "C" void* softsgx_next_dlopen() {
  static void* const next = next_function("dlopen");
  return next;
}

extern "C" {

// softsgx_find gives the vDSO's function, and ours for one of the C library's that is asked for by a handle;
// null: another, and the two pointers above are set.
void* softsgx_find(void* handle, const char* name) {
  if (softsgx_dlsym == nullptr) {
    softsgx_dlvsym = c_library("dlvsym");
    softsgx_dlsym = c_library("dlsym");
  }
  if (name == nullptr) return nullptr;
  if (equal(name, "__vdso_sgx_enter_enclave")) return vdso_enter();
  return handle == RTLD_NEXT || handle == RTLD_DEFAULT ? nullptr : ours(handle, name);
}
}

// RTLD_NEXT, RTLD_DEFAULT and $ORIGIN mean the object that calls: the linker looks at the return address, so
// these leave it alone.
asm(R"(
  .pushsection .text
  .macro softsgx_tail name
  .globl \name
  .type \name, @function
\name:
  push %rdi
  push %rsi
  push %rdx
  call softsgx_find
  pop %rdx
  pop %rsi
  pop %rdi
  test %rax, %rax
  jz 1f
  ret
1:
  jmp *softsgx_\name(%rip)
  .size \name, . - \name
  .endm
  softsgx_tail dlsym
  softsgx_tail dlvsym
  .globl dlopen
  .type dlopen, @function
dlopen:
  push %rdi
  push %rsi
  sub $8, %rsp
  call softsgx_next_dlopen
  add $8, %rsp
  pop %rsi
  pop %rdi
  and $~8, %esi  # RTLD_DEEPBIND: the library would find the C library's functions before ours
  jmp *%rax
  .size dlopen, . - dlopen
  .popsection
)");

namespace clemmys::softsgx {
void* next_function(const char* name) {
  (void)softsgx_find(nullptr, nullptr);
  return reinterpret_cast<void* (*)(void*, const char*)>(softsgx_dlsym)(RTLD_NEXT, name);
}
}  // namespace clemmys::softsgx
