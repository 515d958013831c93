#include "softsgx/run/sites.h"

#include <Zydis/Zydis.h>
#include <link.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "softsgx/run/functions.h"
#include "softsgx/signals.h"

namespace clemmys::softsgx {
namespace {

constexpr std::uint8_t kEscape = 0x0f, kCpuid = 0xa2, kSyscall = 0x05, kUd2 = 0x0b;

bool is_system_library(std::string_view path) {
  return path.starts_with("/lib/") || path.starts_with("/usr/lib/") || path.starts_with("/lib64/") ||
         path.starts_with("linux-vdso") || path.ends_with("/libsoftsgx.so");
}

bool worth_decoding(const std::uint8_t* code, std::uint64_t size) {
  const auto wanted = [](std::uint8_t a, std::uint8_t b) {
    return a == kEscape && (b == kCpuid || b == kSyscall);
  };
  return std::adjacent_find(code, code + size, wanted) != code + size;
}

// decode begins at the start of a function: an address is taken when an instruction of the sweep begins
// there.
void decode(std::uint64_t begin, std::uint64_t size, Sites& sites) {
  const auto* code = reinterpret_cast<const std::uint8_t*>(begin);
  if (!worth_decoding(code, size)) return;
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  for (std::uint64_t at = 0; at < size;) {
    ZydisDecodedInstruction instruction;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, nullptr, code + at, size - at, &instruction))) {
      ++at;
      continue;
    }
    const bool plain = instruction.length == 2;
    if (plain && instruction.mnemonic == ZYDIS_MNEMONIC_CPUID) sites.cpuid.push_back(begin + at);
    if (plain && instruction.mnemonic == ZYDIS_MNEMONIC_SYSCALL) sites.system_calls.push_back(begin + at);
    at += instruction.length;
  }
}

struct Search {
  bool program = true;  // the first object, whose name is empty
  Sites sites;
};

int visit(dl_phdr_info* object, std::size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  const bool program = std::exchange(search.program, false);
  if (!program && is_system_library(object->dlpi_name)) return 0;
  const char* path = program ? "/proc/self/exe" : object->dlpi_name;
  for (const CodeRange& function : functions_of(*object, path))
    decode(function.begin, function.size, search.sites);
  return 0;
}

}  // namespace

Sites find_sites() {
  Search search;
  ::dl_iterate_phdr(visit, &search);
  std::ranges::sort(search.sites.cpuid);
  std::ranges::sort(search.sites.system_calls);
  return std::move(search.sites);
}

void make_undefined(std::uint64_t site) { (void)write_executable(site + 1, kUd2); }

}  // namespace clemmys::softsgx
