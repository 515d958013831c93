#include "shield/pages.h"

#include "shield/enclu.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kRequestPagesMax = 4096;  // per exit
constexpr uint64_t kStaticBrkSizeMax = 16 << 20;

Lock lock;
uint64_t bitmap_present[kBitmapSize / kPageSize / 64];  // which pages of the bitmap itself exist
uint64_t committed_count;
uint64_t arena_used;
HeapStrategy strategy;

uint64_t dynamic_begin() { return enclave_base() + layout().dynamic_base; }
uint64_t* bitmap() { return reinterpret_cast<uint64_t*>(dynamic_begin()); }
uint64_t page_index(uint64_t address) { return (address - dynamic_begin()) / kPageSize; }

bool test(const uint64_t* bits, uint64_t index) { return (bits[index / 64] >> (index % 64) & 1) != 0; }
void mark(uint64_t* bits, uint64_t index) { bits[index / 64] |= 1ull << (index % 64); }
void unmark(uint64_t* bits, uint64_t index) { bits[index / 64] &= ~(1ull << (index % 64)); }

// bring_in makes absent pages present: the host adds them all at one request, or, where the strategy says so,
// the kernel adds each one when EACCEPT finds it absent. Then each is accepted, once.
bool bring_in(uint64_t begin, uint64_t end) {
  if (strategy == HeapStrategy::kSgx1) return false;
  const bool ask = strategy == HeapStrategy::kSgx2Batch || strategy == HeapStrategy::kSgx2Commit;
  for (uint64_t step; begin < end; begin += step) {
    step = end - begin < kRequestPagesMax * kPageSize ? end - begin : kRequestPagesMax * kPageSize;
    if (ask && call(OwnCall::kAugment, 0, begin - enclave_base(), step) != 0) return false;
    constexpr auto kFlags =
        sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite | sgx::kSecinfoPending);
    for (uint64_t address = begin; address < begin + step; address += kPageSize) {
      refuse_if(accept_page(address, kFlags) != 0, "pages.accept");
      ++committed_count;
    }
  }
  return true;
}

// bit_exists makes sure that the bitmap has the page that holds the bit.
bool bit_exists(uint64_t index) {
  const uint64_t page = index / 8 / kPageSize;
  if (test(bitmap_present, page)) return true;
  const uint64_t address = dynamic_begin() + page * kPageSize;
  if (!bring_in(address, address + kPageSize)) return false;
  mark(bitmap_present, page);
  return true;
}

bool grows() { return strategy != HeapStrategy::kSgx1; }
// bitmap_part is the end of the bitmap's pages that describe [dynamic_begin, end).
uint64_t bitmap_part(uint64_t end) {
  const uint64_t bytes = page_index(end) / 8 + 1;
  return dynamic_begin() + (bytes + kPageSize - 1) / kPageSize * kPageSize;
}

// present_from_start clears a range of the tables that the image brought, and notes its pages.
void present_from_start(uint64_t begin, uint64_t end) {
  memset(reinterpret_cast<void*>(begin), 0, end - begin);
  for (uint64_t address = begin; address < end; address += kPageSize) {
    if (address < arena_begin() - kAreasSize)
      mark(bitmap_present, (address - dynamic_begin()) / kPageSize);
    else
      mark(bitmap(), page_index(address));
  }
  committed_count += (end - begin) / kPageSize;
}

bool committed_locked(uint64_t address) {
  const uint64_t index = page_index(address);
  return test(bitmap_present, index / 8 / kPageSize) && test(bitmap(), index);
}

// next_maybe_committed skips an absent page, or with it 128 MiB whose part of the bitmap is absent.
uint64_t next_maybe_committed(uint64_t address) {
  if (test(bitmap_present, page_index(address) / 8 / kPageSize)) return address + kPageSize;
  constexpr uint64_t kSpan = kPageSize * 8 * kPageSize;
  return dynamic_begin() + ((address - dynamic_begin()) / kSpan + 1) * kSpan;
}

// give_back trims one run. A host that will not trim keeps the pages where they are; one that stops half-way
// has ended us.
bool give_back(uint64_t begin, uint64_t end) {
  const uint64_t offset = begin - enclave_base(), size = end - begin;
  if (call(OwnCall::kTrim, 0, offset, size) != 0) return false;
  constexpr auto kTrimmed = sgx::secinfo_flags(sgx::PageType::kTrim, sgx::kSecinfoModified);
  for (uint64_t address = begin; address < end; address += kPageSize) {
    refuse_if(accept_page(address, kTrimmed) != 0, "pages.trim");
    unmark(bitmap(), page_index(address));
  }
  refuse_if(call(OwnCall::kRemove, 0, offset, size) != 0, "pages.remove");
  committed_count -= size / kPageSize;
  return true;
}

}  // namespace

HeapStrategy heap_strategy() { return strategy; }
uint64_t arena_begin() { return dynamic_begin() + kBitmapSize + kAreasSize; }
uint64_t arena_end() { return dynamic_begin() + kTablesSize; }
uint64_t brk_begin() { return enclave_base() + layout().heap_base; }
uint64_t brk_limit() {
  return brk_begin() +
         (grows() ? kBrkSizeMax
                  : (layout().heap_initial_size / 2 < kStaticBrkSizeMax ? layout().heap_initial_size / 2
                                                                        : kStaticBrkSizeMax));
}
uint64_t mmap_begin() { return brk_limit() & ~(kPageSize - 1); }
uint64_t dynamic_end() {
  return grows() ? dynamic_begin() + layout().dynamic_size : brk_begin() + layout().heap_initial_size;
}
uint64_t committed_pages() { return committed_count; }

void pages_start() {
  const LayoutPage& image = layout();
  if (image.dynamic_base + kTablesSize != image.heap_base ||
      image.dynamic_size / kPageSize / 8 > kBitmapSize ||
      image.heap_strategy > static_cast<uint64_t>(HeapStrategy::kSgx1)) {
    panic("pages.layout");
  }
  strategy = static_cast<HeapStrategy>(image.heap_strategy);
  if (image.heap_initial_size == 0) return;
  // Nobody measured these pages: clear the tables now, and the heap when mmap and brk hand it out.
  const uint64_t bitmap_end = bitmap_part(brk_begin() + image.heap_initial_size);
  present_from_start(dynamic_begin(), bitmap_end);
  present_from_start(arena_begin() - kAreasSize, arena_begin() - kAreasSize + image.static_areas_size);
  present_from_start(arena_begin(), arena_begin() + image.static_arena_size);
  for (uint64_t address = brk_begin(); address < brk_begin() + image.heap_initial_size; address += kPageSize)
    mark(bitmap(), page_index(address));
  committed_count += image.heap_initial_size / kPageSize;
  // Is there SGX2? The first page behind the arena's part tells; it is the arena's next one.
  if (grows() &&
      !commit(arena_begin() + image.static_arena_size, arena_begin() + image.static_arena_size + kPageSize)) {
    say("no SGX2: the heap stays as large as at the start, bytes:", image.heap_initial_size);
    strategy = HeapStrategy::kSgx1;
  }
}

bool add_pages(uint64_t begin, uint64_t end) {
  Guard guard(lock);
  return bring_in(begin, end);
}

bool commit(uint64_t begin, uint64_t end) {
  Guard guard(lock);
  while (begin < end) {
    if (!bit_exists(page_index(begin))) return false;
    if (test(bitmap(), page_index(begin))) {
      begin += kPageSize;
      continue;
    }
    uint64_t run = begin;
    while (run < end && bit_exists(page_index(run)) && !test(bitmap(), page_index(run))) run += kPageSize;
    if (run == begin || !bring_in(begin, run)) return false;
    for (; begin < run; begin += kPageSize) mark(bitmap(), page_index(begin));
  }
  return true;
}

void trim(uint64_t begin, uint64_t end) {
  if (!grows()) return;
  Guard guard(lock);
  while (begin < end) {
    if (!committed_locked(begin)) {
      begin = next_maybe_committed(begin);
      continue;
    }
    uint64_t run = begin;
    while (run < end && run - begin < kRequestPagesMax * kPageSize && committed_locked(run)) run += kPageSize;
    if (!give_back(begin, run)) return;
    begin = run;
  }
}

bool is_committed(uint64_t address) {
  Guard guard(lock);
  return committed_locked(address);
}

uint64_t next_committed(uint64_t address, uint64_t end) {
  Guard guard(lock);
  while (address < end && !committed_locked(address)) {
    const uint64_t index = page_index(address);
    const bool word_is_empty =
        index % 64 == 0 && test(bitmap_present, index / 8 / kPageSize) && bitmap()[index / 64] == 0;
    address = word_is_empty ? address + 64 * kPageSize : next_maybe_committed(address);
  }
  return address < end ? address : end;
}

void zero_committed(uint64_t begin, uint64_t end) {
  for (uint64_t address = begin; address < end; address = next_maybe_committed(address)) {
    if (committed_locked(address)) memset(reinterpret_cast<void*>(address), 0, kPageSize);
  }
}

uint64_t absent_pages(uint64_t begin, uint64_t end) {
  Guard guard(lock);
  uint64_t present = 0;
  for (uint64_t index = page_index(begin), last = page_index(end); index < last;) {
    if (!test(bitmap_present, index / 8 / kPageSize)) {  // 128 MiB of absent pages at once
      index = (index / (8 * kPageSize) + 1) * 8 * kPageSize;
    } else if (index % 64 == 0 && last - index >= 64) {
      present += static_cast<uint64_t>(__builtin_popcountll(bitmap()[index / 64]));
      index += 64;
    } else {
      present += test(bitmap(), index);
      ++index;
    }
  }
  return (end - begin) / kPageSize - present;
}

void* arena_take(uint64_t size) {
  const uint64_t offset = __atomic_fetch_add(&arena_used, (size + 63) & ~63ull, __ATOMIC_RELAXED);
  if (offset + size > arena_end() - arena_begin()) panic("pages.arena");
  return reinterpret_cast<void*>(arena_begin() + offset);
}

}  // namespace clemmys::shield
