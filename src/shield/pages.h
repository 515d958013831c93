// pages.h: which pages of the dynamic range exist. A page is absent, or committed (EAUG by the host, EACCEPT
// by us, once: the bitmap is ours, so a host that removes and adds a page again gains nothing but a fault).
// Committed pages are never given back; mmap clears and reuses them. Threads: one lock, held across the exit
// that asks for pages.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

// pages_start commits what the tables need; `initial` bytes at heap_base are there already.
void pages_start();
// commit makes every page of [begin, end) present. False when the host has no memory left.
bool commit(uint64_t begin, uint64_t end);
// zero_committed clears the pages of [begin, end) that exist; absent pages will be zero when they come.
void zero_committed(uint64_t begin, uint64_t end);
bool is_committed(uint64_t address);
uint64_t committed_pages();

// Addresses of the dynamic range's parts.
uint64_t arena_begin();
uint64_t arena_end();
uint64_t brk_begin();
uint64_t mmap_begin();
uint64_t dynamic_end();
// arena_take reserves zeroed memory for the shield's own tables; it is committed when first touched.
void* arena_take(uint64_t size);

}  // namespace clemmys::shield
