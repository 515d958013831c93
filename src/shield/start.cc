// The first entry of a thread. For the process's first thread: take the arguments from the host, build the
// stack that the Linux ABI promises (arguments, environment, auxiliary vector), and go. Arguments are
// untrusted text; of the host's environment only names that begin with CLEMMYS_ pass, because libraries obey
// many others (GLIBC_TUNABLES, OPENSSL_CONF, …).
#include <linux/auxvec.h>
#include <linux/mman.h>

#include "shield/calls.h"
#include "shield/cpuid.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/pages.h"
#include "shield/permissions.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kTextsMax = 1024;  // arguments and environment strings
constexpr char kEnvironmentPrefix[] = "CLEMMYS_";

// Texts is arguments and environment at the top of the new stack: argv[0] of the host's block, the image's
// own command, the rest of the host's block (copied once), the image's own environment. All end with NUL.
struct Texts {
  char* begin;
  uint64_t size, argument_count;
  uint64_t own_environment;  // offset where the image's environment begins
};

uint64_t count_texts(const char* texts, uint64_t size) {
  uint64_t count = 0;
  for (uint64_t i = 0; i < size; ++i) count += texts[i] == 0;
  return count;
}

Texts copy_arguments(const Thread& thread, uint64_t stack_end) {
  const volatile HostThread* host = thread.host;
  const uint64_t address = host->argument_block, size = host->argument_size, count = host->argument_count;
  refuse_if(size > kArgumentSizeMax || count > kTextsMax || !outside(address, size), "start.arguments");
  const LayoutPage& image = layout();
  const auto* command = reinterpret_cast<const char*>(enclave_base() + image.command);
  const auto* environment = reinterpret_cast<const char*>(enclave_base() + image.environment);
  const uint64_t own = size + 1 + image.command_size, size_all = own + image.environment_size;
  char* begin = reinterpret_cast<char*>((stack_end - size_all) & ~15ull);
  memcpy(begin, reinterpret_cast<const void*>(address), size);
  refuse_if(count > count_texts(begin, size),
            "start.argument_count");  // the text that ends all is no argument
  begin[size] = 0;
  const uint64_t first = strlen(begin) + 1;
  if (image.command_size != 0) {
    if (count == 0 || first > size) panic("start.argument_count");
    memmove(begin + first + image.command_size, begin + first, size + 1 - first);
    memcpy(begin + first, command, image.command_size);
  }
  memcpy(begin + own, environment, image.environment_size);
  return {begin, size_all, count + count_texts(command, image.command_size), own};
}

struct AuxBuilder {
  uint64_t* at;
  void add(uint64_t value) { *at++ = value; }
  void pair(uint64_t key, uint64_t value) { add(key), add(value); }
};

uint64_t build_stack(const Thread& thread, uint64_t stack_end) {
  const LayoutPage& image = layout();
  const uint64_t base = enclave_base();
  const Texts texts = copy_arguments(thread, stack_end);
  auto* random = reinterpret_cast<uint8_t*>(texts.begin) - 16;
  random_bytes(random, 16);
  char* platform = reinterpret_cast<char*>(random) - 16;
  memcpy(platform, "x86_64", 7);

  const uint64_t text_count = count_texts(texts.begin, texts.size);
  refuse_if(text_count > kTextsMax || texts.argument_count > text_count, "start.argument_count");
  constexpr uint64_t kAuxWords = 2 * 20;
  const uint64_t words = 1 + text_count + 2 + kAuxWords;
  const uint64_t stack = (reinterpret_cast<uint64_t>(platform) - words * 8) & ~15ull;

  AuxBuilder out{reinterpret_cast<uint64_t*>(stack)};
  out.add(texts.argument_count);
  const char* text = texts.begin;
  for (uint64_t i = 0; i < text_count; ++i, text += strlen(text) + 1) {
    if (i == texts.argument_count) out.add(0);
    const bool environment = i >= texts.argument_count;
    const bool own = text >= texts.begin + texts.own_environment;
    if (environment && !own && memcmp(text, kEnvironmentPrefix, sizeof kEnvironmentPrefix - 1) != 0) continue;
    out.add(reinterpret_cast<uint64_t>(text));
  }
  if (texts.argument_count == text_count) out.add(0);
  out.add(0);
  out.pair(AT_PHDR, base + image.program_phdr);
  out.pair(AT_PHENT, 56);
  out.pair(AT_PHNUM, image.program_phnum);
  out.pair(AT_PAGESZ, kPageSize);
  out.pair(AT_BASE, 0);
  out.pair(AT_FLAGS, 0);
  out.pair(AT_ENTRY, base + image.program_entry);
  out.pair(AT_UID, 0);
  out.pair(AT_EUID, 0);
  out.pair(AT_GID, 0);
  out.pair(AT_EGID, 0);
  out.pair(AT_SECURE, 0);
  out.pair(AT_CLKTCK, 100);
  out.pair(AT_HWCAP, cpuid(1, 0).edx);
  out.pair(AT_HWCAP2, 2);  // FSGSBASE
  out.pair(AT_RANDOM, reinterpret_cast<uint64_t>(random));
  out.pair(AT_PLATFORM, reinterpret_cast<uint64_t>(platform));
  out.pair(AT_NULL, 0);
  return stack;
}

// name_after_program: as on Linux, the first thread is called as the program is, without its folder.
// `stack` begins with the count of arguments and their addresses.
void name_after_program(Thread& thread, const uint64_t* stack) {
  if (stack[0] == 0) return;
  const char* name = reinterpret_cast<const char*>(stack[1]);
  const char* end = name;
  for (; *end != 0; ++end) {
    if (*end == '/') name = end + 1;
  }
  const uint64_t size = static_cast<uint64_t>(end - name);
  memcpy(thread.name, name, size < kThreadNameSize ? size : kThreadNameSize - 1);
}

[[noreturn]] void start_process(Thread& thread) {
  if (layout().magic != kLayoutMagic) panic("start.layout");
  pages_start();
  memory_start();
  permissions_start();
  descriptors_start();
  const int64_t stack = call_mmap(0, layout().stack_size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0, 0);
  if (stack < 0) panic("start.stack");
  Registers registers{};
  registers.rsp = build_stack(thread, static_cast<uint64_t>(stack) + layout().stack_size);
  name_after_program(thread, reinterpret_cast<const uint64_t*>(registers.rsp));
  registers.rip = enclave_base() + layout().program_entry;
  registers.rflags = 2;
  asm volatile("wrfsbase %0" : : "r"(0ull));
  shield_load(&registers);
}

}  // namespace

extern "C" [[noreturn]] void shield_start(Thread* thread, HostThread* host) {
  const uint64_t data_offset = reinterpret_cast<uint64_t>(thread) - enclave_base() - layout().threads_base;
  thread->index = static_cast<uint32_t>(data_offset / layout().thread_stride);
  adopt_host(*thread, host);
  static uint32_t started;
  if (__atomic_exchange_n(&started, 1, __ATOMIC_ACQ_REL) == 0) start_process(*thread);
  asm volatile("wrfsbase %0" : : "r"(thread->start_fs));
  Registers registers = thread->start;
  shield_load(&registers);
}

}  // namespace clemmys::shield
