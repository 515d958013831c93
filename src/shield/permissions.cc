#include "shield/permissions.h"

#include <linux/elf.h>
#include <linux/mman.h>

#include "shield/enclu.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

// One entry per page of the enclave, packed into four bits: PROT_… bits and kKnown; 0: as it came, readable
// and writable. The table lies in the arena; its own pages come when something is noted in them.
constexpr uint8_t kRead = sgx::kSecinfoRead, kWrite = sgx::kSecinfoWrite, kExecute = sgx::kSecinfoExecute;
constexpr uint8_t kKnown = 8, kAsItCame = kRead | kWrite;
constexpr uint64_t kTableSize = kElrangeSize / kPageSize / 2;
constexpr uint64_t kSpan = 2 * kPageSize * kPageSize;  // of one page of the table
static_assert(kRead == PROT_READ && kWrite == PROT_WRITE && kExecute == PROT_EXEC);

Lock lock;
uint8_t* table;
uint64_t noted[kTableSize / kPageSize / 64];  // bit: this page of the table exists

bool changes() { return heap_strategy() != HeapStrategy::kSgx1; }

bool is_noted(uint64_t address) {
  const uint64_t page = (address - enclave_base()) / kSpan;
  return (noted[page / 64] >> (page % 64) & 1) != 0;
}

uint8_t entry_of(uint64_t address) {
  if (!is_noted(address)) return 0;
  const uint64_t index = (address - enclave_base()) / kPageSize;
  return table[index / 2] >> (index % 2 * 4) & 15;
}

uint8_t permissions_of(uint64_t address) {
  const uint8_t entry = entry_of(address);
  return entry == 0 ? kAsItCame : entry & ~kKnown;
}

bool note(uint64_t address, uint8_t permissions) {
  const uint64_t index = (address - enclave_base()) / kPageSize, page = index / (2 * kPageSize);
  const uint64_t place = reinterpret_cast<uint64_t>(table) + page * kPageSize;
  if (!is_noted(address)) {
    if (!commit(place, place + kPageSize)) return false;
    noted[page / 64] |= 1ull << (page % 64);
  }
  const uint64_t shift = index % 2 * 4;
  uint8_t& pair = table[index / 2];
  pair =
      static_cast<uint8_t>((pair & ~(15u << shift)) | static_cast<unsigned>(kKnown | permissions) << shift);
  return true;
}

// restrict_run takes permissions away: the host runs EMODPR, EACCEPT shows that it did.
void restrict_run(uint64_t begin, uint64_t end, uint8_t keep) {
  if (call(OwnCall::kRestrict, 0, begin - enclave_base(), end - begin, uint64_t{keep}) != 0)
    panic("permissions.restrict");
  const auto flags = sgx::secinfo_regular(keep | sgx::kSecinfoRestricted);
  for (uint64_t address = begin; address < end; address += kPageSize) {
    if (accept_page(address, flags) != 0) panic("permissions.restricted");
  }
}

bool protect_run(uint64_t begin, uint64_t end, uint8_t before, uint8_t wanted) {
  for (uint64_t address = begin; address < end; address += kPageSize) {
    if (!note(address, wanted)) return false;
  }
  const uint8_t keep = before & wanted;
  if (before != keep) restrict_run(begin, end, keep);
  for (uint64_t address = begin; wanted != keep && address < end; address += kPageSize)
    extend_page(address, sgx::secinfo_regular(wanted));
  return true;
}

// exists: a page of the program's image, or a committed one.
bool exists(uint64_t address) {
  return address < brk_begin() ? entry_of(address) != 0 : is_committed(address);
}

// next_existing skips what is absent from `address` on, and with `wanted` what is as it came.
uint64_t next_existing(uint64_t address, uint64_t end, uint8_t wanted) {
  while (address < end) {
    if (wanted == kAsItCame && !is_noted(address)) {
      address = enclave_base() + ((address - enclave_base()) / kSpan + 1) * kSpan;
      continue;
    }
    if (address >= brk_begin()) address = next_committed(address, end);
    if (address >= end || exists(address)) return address;
    address += kPageSize;
  }
  return end;
}

bool protect_locked(uint64_t begin, uint64_t end, uint8_t wanted) {
  for (;;) {
    begin = next_existing(begin, end, wanted);
    if (begin >= end) return true;
    const uint8_t before = permissions_of(begin);
    uint64_t run = begin + kPageSize;
    while (run < end && exists(run) && permissions_of(run) == before) run += kPageSize;
    if (before != wanted && !protect_run(begin, run, before, wanted)) return false;
    begin = run;
  }
}

}  // namespace

void permissions_start() {
  if (!changes()) return;
  table = static_cast<uint8_t*>(arena_take(kTableSize + kPageSize));
  table = reinterpret_cast<uint8_t*>((reinterpret_cast<uint64_t>(table) + kPageSize - 1) & ~(kPageSize - 1));
  const LayoutPage& image = layout();
  const uint64_t program = enclave_base() + image.program_base;
  const auto* headers = reinterpret_cast<const Elf64_Phdr*>(enclave_base() + image.program_phdr);
  for (uint64_t i = 0; i < image.program_phnum; ++i) {
    if (headers[i].p_type != PT_LOAD) continue;
    const auto permissions = static_cast<uint8_t>(((headers[i].p_flags & PF_R) != 0 ? kRead : 0) |
                                                  ((headers[i].p_flags & PF_W) != 0 ? kWrite : 0) |
                                                  ((headers[i].p_flags & PF_X) != 0 ? kExecute : 0));
    const uint64_t begin = program + headers[i].p_vaddr / kPageSize * kPageSize;
    const uint64_t end = program + headers[i].p_vaddr + headers[i].p_memsz;
    for (uint64_t address = begin; address < end; address += kPageSize) {
      if (!note(address, permissions)) panic("permissions.start");
    }
  }
}

bool protect_pages(uint64_t begin, uint64_t end, uint64_t protection) {
  if (!changes()) return true;
  Guard guard(lock);
  return protect_locked(begin, end, static_cast<uint8_t>(protection));
}

bool permitted(uint64_t address, uint64_t access) {
  const uint64_t base = enclave_base();
  if (address < base || address >= base + kElrangeSize) return false;
  if (!changes()) return (kAsItCame & access) != 0 && (address < brk_begin() || is_committed(address));
  Guard guard(lock);
  return exists(address) && (permissions_of(address) & access) != 0;
}

}  // namespace clemmys::shield
