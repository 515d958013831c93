#include "shield/host.h"

#include "shield/exitless.h"
#include "shield/forwarded.h"
#include "shield/memory.h"

namespace clemmys::shield {

void yield_to_host() { raw_call(__NR_sched_yield); }

bool outside(uint64_t address, uint64_t size) {
  const uint64_t base = enclave_base(), end = base + kElrangeSize;
  return address + size >= address && (address + size <= base || address >= end) &&
         address + size < (1ull << 47);
}

void adopt_host(Thread& thread, HostThread* host) {
  const uint64_t address = reinterpret_cast<uint64_t>(host);
  refuse_if(address % alignof(HostThread) != 0 || !outside(address, sizeof(HostThread)), "host.thread_block");
  volatile HostThread* block = host;
  const uint64_t bounce = block->bounce_address, size = block->bounce_size;
  refuse_if(size < kBounceSizeMin || size > (1ull << 30) || bounce % 16 != 0 || !outside(bounce, size),
            "host.bounce");
  thread.host = host;
  thread.bounce_address = bounce;
  thread.bounce_size = size;
  thread.bounce_used = 0;
}

int64_t raw_call(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                 uint64_t a5) {
  constexpr auto kFirstOwn = static_cast<uint64_t>(OwnCall::kAugment);
  if (number < kFirstOwn && !is_forwarded(number)) panic("host.not_forwarded");
  Thread& thread = self();
  volatile HostCall& block = thread.host->call;
  block.number = number;
  block.arguments[0] = a0;
  block.arguments[1] = a1;
  block.arguments[2] = a2;
  block.arguments[3] = a3;
  block.arguments[4] = a4;
  block.arguments[5] = a5;
  block.result = -ENOSYS;
  if (!exitless_call(thread, number, a3)) shield_exit_wait(ExitReason::kHostCall);
  return block.result;
}

uint64_t Bounce::reserve(uint64_t size) {
  if (size > room()) panic("host.bounce_overflow");
  const uint64_t address = thread_.bounce_address + thread_.bounce_used;
  thread_.bounce_used += (size + 15) & ~15ull;
  if (thread_.bounce_used > thread_.bounce_size) thread_.bounce_used = thread_.bounce_size;
  return address;
}

uint64_t Bounce::put(const void* source, uint64_t size) {
  const uint64_t address = reserve(size);
  fill(address, source, size);
  return address;
}

void Bounce::fill(uint64_t host_address, const void* source, uint64_t size) const {
  copy_out(host_address, source, size);
}

void Bounce::get(void* target, uint64_t host_address, uint64_t size) const {
  if (host_address < thread_.bounce_address ||
      host_address + size > thread_.bounce_address + thread_.bounce_size) {
    panic("host.bounce_range");
  }
  copy_in(target, host_address, size);
}

namespace {
// A text, a colon and a number in hexadecimal, into a fixed line.
struct Line {
  char text[160];
  uint64_t size = 0;
  void add(const char* more) {
    while (*more != 0 && size < sizeof text) text[size++] = *more++;
  }
  void add_hex(uint64_t number) {
    add("0x");
    for (int shift = 60; shift >= 0; shift -= 4) {
      const uint64_t digit = number >> shift & 15;
      if ((shift == 0 || number >> shift != 0) && size < sizeof text) {
        text[size++] = static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10);
      }
    }
  }
};
}  // namespace

void say(const char* text, uint64_t number, const char* name) {
  if ((layout().manifest_flags & kDebugImage) == 0) return;
  Line line;
  line.add("shield: ");
  line.add(text);
  line.add(" ");
  line.add_hex(number);
  line.add(*name != 0 ? " " : "");
  line.add(name);
  line.add("\n");
  Bounce bounce;
  raw_call(__NR_write, 2, bounce.put(line.text, line.size), line.size);
}

void panic(const char* site) {
  Thread& thread = self();
  if (thread.host != nullptr) {
    const uint64_t size = strlen(site);  // a constant of ours, far shorter than the buffer
    copy_out(thread.bounce_address, site, size);
    volatile HostCall& block = thread.host->call;
    block.number = static_cast<uint64_t>(OwnCall::kPanic);
    block.arguments[0] = thread.bounce_address;
    block.arguments[1] = size;
  }
  shield_exit_final(ExitReason::kProcessDone);
}

}  // namespace clemmys::shield
