#include "softsgx/run/vdso.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "softsgx/host_entry.h"

extern "C" const std::uint8_t softsgx_vdso_image[], softsgx_vdso_image_end[];

namespace clemmys::softsgx {
namespace {

// VdsoPlaces lies at the image's entry point: distances from there.
struct VdsoPlaces {
  std::int32_t enclu, exception, functions, enter;
};
constexpr const char* kFunctions[] = {"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time",
                                      "__vdso_getcpu", "__vdso_clock_getres"};

Elf64_auxv_t* vector = nullptr;
std::uint64_t image_address = 0, kernel_address = 0, enter_address = 0;

std::size_t vector_size() {
  std::size_t size = 0;
  while (vector[size].a_type != AT_NULL) ++size;
  return size + 1;
}

// map_image gives the image's address, its function table filled from the kernel's vDSO; null: no memory.
std::uint8_t* map_image() {
  const auto size = static_cast<std::size_t>(softsgx_vdso_image_end - softsgx_vdso_image);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* image = static_cast<std::uint8_t*>(memory);
  std::memcpy(image, softsgx_vdso_image, size);
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  VdsoPlaces places;
  std::uint8_t* origin = image + header.e_entry;
  std::memcpy(&places, origin, sizeof places);
  if (void* kernels = ::dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD)) {
    std::uint8_t* slot = origin + places.functions;
    for (const char* name : kFunctions) {
      void* function = ::dlsym(kernels, name);
      std::memcpy(slot, &function, sizeof function);
      slot += sizeof function;
    }
    ::dlclose(kernels);
  }
  ::madvise(memory, size, MADV_DONTDUMP);  // keeps it a mapping apart from others
  if (::mprotect(memory, size, PROT_READ | PROT_EXEC) != 0) return nullptr;
  const auto address = reinterpret_cast<std::uint64_t>(origin);
  enter_address = address + static_cast<std::uint64_t>(places.enter);
  set_vdso_entry({.enclu = address + static_cast<std::uint64_t>(places.enclu),
                  .exception = address + static_cast<std::uint64_t>(places.exception)});
  return image;
}

}  // namespace

bool install_vdso(char** environment) {
  while (*environment != nullptr) ++environment;
  vector = reinterpret_cast<Elf64_auxv_t*>(environment + 1);
  const std::uint8_t* image = map_image();
  if (image == nullptr) return false;
  image_address = reinterpret_cast<std::uint64_t>(image);
  for (std::size_t i = 0; i < vector_size(); ++i) {
    if (vector[i].a_type != AT_SYSINFO_EHDR) continue;
    kernel_address = vector[i].a_un.a_val;
    vector[i].a_un.a_val = image_address;
  }
  return true;
}

std::uint64_t vdso_image() { return image_address; }
std::uint64_t vdso_image_size() {
  return image_address != 0 ? static_cast<std::uint64_t>(softsgx_vdso_image_end - softsgx_vdso_image) : 0;
}
std::uint64_t kernel_vdso() { return kernel_address; }
void* vdso_enter() { return reinterpret_cast<void*>(enter_address); }

std::string auxiliary_vector() {
  return {reinterpret_cast<const char*>(vector), vector_size() * sizeof(Elf64_auxv_t)};
}

}  // namespace clemmys::softsgx
