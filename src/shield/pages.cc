#include "shield/pages.h"

#include "shield/enclu.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kBatchPagesMax = 4096;  // per exit

Lock lock;
uint64_t bitmap_present[kBitmapSize / kPageSize / 64];  // which pages of the bitmap itself exist
uint64_t committed_count;
uint64_t arena_used;

uint64_t dynamic_begin() { return enclave_base() + layout().dynamic_base; }
uint64_t* bitmap() { return reinterpret_cast<uint64_t*>(dynamic_begin()); }
uint64_t page_index(uint64_t address) { return (address - dynamic_begin()) / kPageSize; }

bool test(const uint64_t* bits, uint64_t index) { return (bits[index / 64] >> (index % 64) & 1) != 0; }
void mark(uint64_t* bits, uint64_t index) { bits[index / 64] |= 1ull << (index % 64); }

// augment asks the host for absent pages and accepts each of them.
bool augment(uint64_t begin, uint64_t end) {
  for (uint64_t step; begin < end; begin += step) {
    step = end - begin < kBatchPagesMax * kPageSize ? end - begin : kBatchPagesMax * kPageSize;
    if (call(OwnCall::kAugment, 0, begin - enclave_base(), step) != 0) return false;
    constexpr auto kFlags =
        sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite | sgx::kSecinfoPending);
    for (uint64_t address = begin; address < begin + step; address += kPageSize) {
      if (accept_page(address, kFlags) != 0) panic("pages.accept");
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
  if (!augment(address, address + kPageSize)) return false;
  mark(bitmap_present, page);
  return true;
}

bool committed_locked(uint64_t address) {
  const uint64_t index = page_index(address);
  return test(bitmap_present, index / 8 / kPageSize) && test(bitmap(), index);
}

}  // namespace

uint64_t arena_begin() { return dynamic_begin() + kBitmapSize + kAreasSize; }
uint64_t arena_end() { return dynamic_begin() + kTablesSize; }
uint64_t brk_begin() { return enclave_base() + layout().heap_base; }
uint64_t mmap_begin() { return brk_begin() + kBrkSizeMax; }
uint64_t dynamic_end() { return dynamic_begin() + layout().dynamic_size; }
uint64_t committed_pages() { return committed_count; }

void pages_start() {
  const LayoutPage& image = layout();
  if (image.dynamic_base + kTablesSize != image.heap_base ||
      image.dynamic_size / kPageSize / 8 > kBitmapSize) {
    panic("pages.layout");
  }
  const uint64_t heap_end = brk_begin() + image.heap_initial_size;
  for (uint64_t address = brk_begin(); address < heap_end; address += kPageSize) {
    if (!bit_exists(page_index(address))) panic("pages.start");
    mark(bitmap(), page_index(address));
  }
  memset(reinterpret_cast<void*>(brk_begin()), 0, image.heap_initial_size);
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
    if (run == begin || !augment(begin, run)) return false;
    for (; begin < run; begin += kPageSize) mark(bitmap(), page_index(begin));
  }
  return true;
}

bool is_committed(uint64_t address) {
  Guard guard(lock);
  return committed_locked(address);
}

void zero_committed(uint64_t begin, uint64_t end) {
  for (uint64_t address = begin; address < end; address += kPageSize) {
    if (!test(bitmap_present, page_index(address) / 8 / kPageSize)) {  // 128 MiB of absent pages at once
      const uint64_t span = kPageSize * 8 * kPageSize;
      address = dynamic_begin() + ((address - dynamic_begin()) / span + 1) * span - kPageSize;
      continue;
    }
    if (test(bitmap(), page_index(address))) memset(reinterpret_cast<void*>(address), 0, kPageSize);
  }
}

void* arena_take(uint64_t size) {
  const uint64_t offset = __atomic_fetch_add(&arena_used, (size + 63) & ~63ull, __ATOMIC_RELAXED);
  if (offset + size > arena_end() - arena_begin()) panic("pages.arena");
  return reinterpret_cast<void*>(arena_begin() + offset);
}

}  // namespace clemmys::shield
