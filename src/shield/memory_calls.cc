// The program's address space: areas say what is mapped, pages what exists. Pages come on first touch, in
// windows that double while a thread moves through memory in order. The EPCM follows the protection of the
// area (permissions.h). Execution is granted to files of the image alone (map_file); no page is writable and
// executable.
#include <linux/mman.h>

#include "shield/areas.h"
#include "shield/calls.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"
#include "shield/pages.h"
#include "shield/permissions.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kWindowFirst = 4;  // pages

Lock lock;
Areas areas;
uint64_t brk_end;
uint64_t kept_pages;     // unmapped since the last trimming, an upper bound of what is kept for nothing
uint64_t limit = ~0ull;  // RLIMIT_DATA, bytes

constexpr uint64_t round_up(uint64_t size) { return (size + kPageSize - 1) & ~(kPageSize - 1); }
uint64_t areas_storage() { return arena_begin() - kAreasSize; }

// grow_table makes the next two entries of the area table present, so that no fault happens under the lock.
bool grow_table() {
  const uint64_t used = areas_storage() + areas.count() * sizeof(Area);
  return areas.room() && commit(used & ~(kPageSize - 1), round_up(used + 3 * sizeof(Area)));
}

bool mappable(uint64_t address, uint64_t size) {
  return address % kPageSize == 0 && size != 0 && address >= brk_begin() && address + size >= address &&
         address + size <= dynamic_end();
}

constexpr uint64_t kPlain = PROT_READ | PROT_WRITE;

// set_area records a protection and has the EPCM follow. The caller holds the lock and has grown the table.
bool set_area(uint64_t begin, uint64_t end, uint64_t protection) {
  areas.set(begin, end, protection);
  return protect_pages(begin, end, protection);
}

// clear_pages makes a range that was mapped before as new: writable, zero.
bool clear_pages(uint64_t begin, uint64_t end) {
  if (!protect_pages(begin, end, kPlain)) return false;
  zero_committed(begin, end);
  return true;
}

// give_back trims what is unmapped; what the host does not take back must be as it came.
void give_back(uint64_t begin, uint64_t end) {
  if (protect_pages(begin, end, kPlain)) trim(begin, end);
}

// trim_unmapped gives back all that nothing is mapped to.
void trim_unmapped() {
  kept_pages = 0;
  uint64_t from = brk_begin();
  for (uint64_t i = 0; i < areas.count(); ++i) {
    give_back(from, areas.at(i).begin);
    from = areas.at(i).end;
  }
  give_back(from, dynamic_end());
}

// freed counts pages that were unmapped. Trimming and adding a page again costs more than clearing it (three
// leaves and two exits a run against one pass), so pages go back only when they are many, and half of all
// that there is.
void freed(uint64_t size) {
  constexpr uint64_t kKeptPagesMax = 16384;  // 64 MiB
  kept_pages += size / kPageSize;
  if (kept_pages < kKeptPagesMax || kept_pages < committed_pages() / 2) return;
  trim_unmapped();
}

// eager is whether new memory comes with the call that maps it. As with Gramine, MAP_NORESERVE memory does
// not.
bool eager(uint64_t protection) {
  return protection != PROT_NONE &&
         (heap_strategy() == HeapStrategy::kSgx2AcceptFirst || heap_strategy() == HeapStrategy::kSgx2Commit);
}

// faulted_in_vain counts faults on a page that exists. One is a race with another thread that brought it in;
// many are a host that took the page or its permissions away.
void faulted_in_vain(Thread& thread, uint64_t page) {
  constexpr uint64_t kRacesMax = 1000;
  thread.fault_in_vain_count = thread.fault_in_vain == page ? thread.fault_in_vain_count + 1 : 0;
  thread.fault_in_vain = page;
  refuse_if(thread.fault_in_vain_count > kRacesMax, "memory.page_taken");
}

struct Window {
  uint64_t begin, end;
};

// window_of is what a fault brings in: upwards after an upward run, downwards (stacks) after a downward one;
// else a small window upwards; the page alone where the strategy knows no windows.
Window window_of(Thread& thread, uint64_t page) {
  const uint64_t next = page + kPageSize;
  if (heap_strategy() != HeapStrategy::kSgx2Batch) return {page, next};
  const uint64_t window_max = layout().batch_pages_max;
  const bool upward = page == thread.fault_next, downward = next == thread.fault_previous;
  thread.fault_window = upward || downward ? 2 * thread.fault_window : kWindowFirst;
  if (thread.fault_window > window_max) thread.fault_window = window_max;
  const uint64_t size = thread.fault_window * kPageSize;
  return downward && !upward ? Window{next - size, next} : Window{page, page + size};
}

// pages_with counts what exists, what may come for what is mapped, and all of [begin, end).
uint64_t pages_with(uint64_t begin, uint64_t end) {
  uint64_t pages = committed_pages() + absent_pages(begin, end);
  for (uint64_t i = 0; i < areas.count(); ++i) {
    const Area& area = areas.at(i);
    if (area.protection == PROT_NONE) continue;
    pages += absent_pages(area.begin, area.end);
    const uint64_t from = begin > area.begin ? begin : area.begin, to = end < area.end ? end : area.end;
    if (from < to) pages -= absent_pages(from, to);
  }
  return pages;
}

// fits: with [begin, end) it stays within the limit, if need be after kept pages have gone back.
bool fits(uint64_t begin, uint64_t end) {
  if (limit == ~0ull || pages_with(begin, end) <= limit / kPageSize) return true;
  trim_unmapped();
  return pages_with(begin, end) <= limit / kPageSize;
}

}  // namespace

uint64_t data_limit() {
  Guard guard(lock);
  return limit;
}

void set_data_limit(uint64_t bytes) {
  Guard guard(lock);
  limit = bytes;
}

void memory_start() {
  areas.reset(reinterpret_cast<Area*>(areas_storage()), kAreasSize / sizeof(Area), brk_begin(),
              dynamic_end());
  brk_end = brk_begin();
}

bool program_range(uint64_t address, uint64_t size) {
  const uint64_t begin = enclave_base() + layout().program_base, end = begin + layout().program_size;
  if (address + size < address) return false;
  return (address >= begin && address + size <= end) ||
         (address >= brk_begin() && address + size <= dynamic_end());
}

int64_t call_brk(uint64_t end) {
  Guard guard(lock);
  if (end < brk_begin() || end > brk_limit() || !grow_table()) return static_cast<int64_t>(brk_end);
  const uint64_t old_end = round_up(brk_end), new_end = round_up(end);
  if (new_end > old_end) {
    if (!fits(old_end, new_end)) return static_cast<int64_t>(brk_end);
    if (eager(PROT_WRITE) && !commit(old_end, new_end)) return static_cast<int64_t>(brk_end);
    if (!clear_pages(old_end, new_end)) return static_cast<int64_t>(brk_end);
    areas.set(old_end, new_end, kPlain);
  } else {
    areas.clear(new_end, old_end);
    freed(old_end - new_end);
  }
  brk_end = end;
  return static_cast<int64_t>(end);
}

int64_t call_mmap(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags, uint64_t descriptor,
                  uint64_t offset) {
  if (size == 0 || size > kElrangeSize || (flags & (MAP_PRIVATE | MAP_SHARED)) == 0) return -EINVAL;
  if ((flags & MAP_ANONYMOUS) == 0) return map_file(address, size, protection, flags, descriptor, offset);
  if ((protection & PROT_EXEC) != 0) return -EACCES;
  protection = (protection & kPlain) | ((protection & PROT_WRITE) != 0 ? PROT_READ : 0);
  size = round_up(size);
  Guard guard(lock);
  if (!grow_table()) return -ENOMEM;
  if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0) {
    if (!mappable(address, size)) return -ENOMEM;
    if ((flags & MAP_FIXED_NOREPLACE) != 0 && areas.free_range(size, address) != address) return -EEXIST;
  } else {
    address = areas.free_range(size, mmap_begin());
    if (address == 0) return -ENOMEM;
  }
  if (protection != PROT_NONE && !fits(address, address + size)) return -ENOMEM;
  if (eager(protection) && (flags & MAP_NORESERVE) == 0 && !commit(address, address + size)) return -ENOMEM;
  if (!clear_pages(address, address + size) || !set_area(address, address + size, protection)) return -ENOMEM;
  return static_cast<int64_t>(address);
}

int64_t call_munmap(uint64_t address, uint64_t size) {
  size = round_up(size);
  if (!mappable(address, size)) return -EINVAL;
  Guard guard(lock);
  if (!grow_table()) return -ENOMEM;
  areas.clear(address, address + size);
  freed(size);
  return 0;
}

bool set_protection(uint64_t address, uint64_t size, uint64_t protection) {
  Guard guard(lock);
  if (!areas.covered(address, address + size) || !grow_table()) return false;
  if (protection != PROT_NONE && !fits(address, address + size)) return false;
  if (eager(protection) && !commit(address, address + size)) return false;
  return set_area(address, address + size, protection);
}

int64_t call_mprotect(uint64_t address, uint64_t size, uint64_t protection) {
  size = round_up(size);
  if (address % kPageSize != 0 || (protection & ~uint64_t{PROT_READ | PROT_WRITE | PROT_EXEC}) != 0)
    return -EINVAL;
  if (size == 0) return 0;
  const bool in_image = address < brk_begin();
  if (in_image ? !program_range(address, size) : !mappable(address, size)) return -ENOMEM;
  if ((protection & PROT_EXEC) != 0) {  // what is code already may stay so; nothing else becomes code
    if ((protection & PROT_WRITE) != 0) return -EACCES;
    for (uint64_t page = address; page < address + size; page += kPageSize) {
      if (!permitted(page, PROT_EXEC)) return -EACCES;
    }
  }
  if ((protection & PROT_WRITE) != 0) protection |= PROT_READ;  // SECINFO knows no write-only page
  const bool done = in_image ? protect_pages(address, address + size, protection)
                             : set_protection(address, size, protection);
  return done ? 0 : -ENOMEM;
}

int64_t call_mremap(uint64_t address, uint64_t size_old, uint64_t size_new, uint64_t flags, uint64_t) {
  size_old = round_up(size_old);
  size_new = round_up(size_new);
  if (!mappable(address, size_old) || size_new == 0 || (flags & ~uint64_t{MREMAP_MAYMOVE}) != 0)
    return -EINVAL;
  uint64_t target, protection;
  {
    Guard guard(lock);
    const Area* area = areas.find(address);
    if (area == nullptr || area->end < address + size_old || !grow_table()) return -EFAULT;
    protection = area->protection;
    if (size_new <= size_old) {
      areas.clear(address + size_new, address + size_old);
      return static_cast<int64_t>(address);
    }
    const uint64_t growth = size_new - size_old;
    if (areas.free_range(growth, address + size_old) == address + size_old) {
      if (!fits(address + size_old, address + size_new)) return -ENOMEM;
      const uint64_t end = address + size_new;
      if (!clear_pages(address + size_old, end) || !set_area(address + size_old, end, protection))
        return -ENOMEM;
      return static_cast<int64_t>(address);
    }
    if ((flags & MREMAP_MAYMOVE) == 0) return -ENOMEM;
    if ((protection & PROT_READ) == 0 || (protection & PROT_EXEC) != 0) return -EINVAL;  // not to be copied
    target = areas.free_range(size_new, mmap_begin());
    if (target == 0 || !fits(target, target + size_new)) return -ENOMEM;
    if (!clear_pages(target, target + size_new)) return -ENOMEM;
    areas.set(target, target + size_new, kPlain);
  }
  for (uint64_t offset = 0; offset < size_old;
       offset += kPageSize) {  // outside the lock: touching pages may fault
    if (!is_committed(address + offset)) continue;
    memcpy(reinterpret_cast<void*>(target + offset), reinterpret_cast<void*>(address + offset), kPageSize);
  }
  call_munmap(address, size_old);
  if (protection != kPlain && !set_protection(target, size_new, protection)) return -ENOMEM;
  return static_cast<int64_t>(target);
}

int64_t call_madvise(uint64_t address, uint64_t size, uint64_t advice) {
  size = round_up(size);
  if (address % kPageSize != 0) return -EINVAL;
  if (advice != MADV_DONTNEED && advice != MADV_FREE) return 0;
  if (!mappable(address, size)) return -ENOMEM;
  if (advice != MADV_DONTNEED) return 0;
  Guard guard(lock);
  for (uint64_t i = 0; i < areas.count(); ++i) {  // a read-only area keeps what it has
    const Area& area = areas.at(i);
    const uint64_t begin = area.begin > address ? area.begin : address;
    const uint64_t end = area.end < address + size ? area.end : address + size;
    if (begin < end && (area.protection & PROT_WRITE) != 0) zero_committed(begin, end);
  }
  return 0;
}

int64_t call_mincore(uint64_t address, uint64_t size, uint64_t vector) {
  size = round_up(size);
  if (address % kPageSize != 0) return -EINVAL;
  if (!program_range(vector, size / kPageSize)) return -EFAULT;
  Guard guard(lock);
  if (!mappable(address, size) || !areas.covered(address, address + size)) return -ENOMEM;
  memset(reinterpret_cast<void*>(vector), 1, size / kPageSize);
  return 0;
}

bool handle_page_fault(Thread& thread, uint64_t address, uint64_t access) {
  const uint64_t page = address & ~(kPageSize - 1);
  // The tables before the arena are there before anybody touches them, and faults there would come under
  // their locks.
  if (page < arena_begin() && page >= brk_begin() - kTablesSize) panic("memory.table_taken");
  const bool in_arena = page >= arena_begin() && page < arena_end();
  if (in_arena && !is_committed(page)) return commit(page, page + kPageSize);
  // Before the lock: the shield itself may have touched a page that the host took, while it holds it.
  if (in_arena || (page >= brk_begin() && page < dynamic_end() && permitted(page, access))) {
    faulted_in_vain(thread, page);
    return true;
  }
  Guard guard(lock);
  const Area* area = areas.find(page);
  if (area == nullptr || (area->protection & access) == 0) return false;
  auto [begin, end] = window_of(thread, page);
  if (begin < area->begin || begin > page) begin = area->begin;
  if (end > area->end) end = area->end;
  thread.fault_next = end;
  thread.fault_previous = begin;
  if (!commit(begin, end))
    panic("memory.refused");  // the host's doing: no handler of the program hears of it
  return area->protection == kPlain || protect_pages(begin, end, area->protection);
}

}  // namespace clemmys::shield
