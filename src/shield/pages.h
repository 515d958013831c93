// pages.h: which pages of the dynamic range exist. A page is absent, or committed (EAUG by the host, EACCEPT
// by us, once: the bitmap is ours, so a host that removes and adds a page again gains nothing but a fault).
// Freed pages are kept, cleared and used again; when they are many, trim() gives ranges of them back.
// Threads: one lock, held across the exit that asks for pages.
#pragma once

#include <stdint.h>

#include "shield/abi.h"

namespace clemmys::shield {

// pages_start takes over what is there before the start: the heap and the parts of the tables that serve it.
// An image that has both and meets a processor without SGX2 goes on as a static one.
void pages_start();
// heap_strategy is the image's, or kSgx1 where memory cannot grow.
HeapStrategy heap_strategy();
// add_pages brings in a range outside the dynamic one, all of it absent; nobody keeps books of it. False as
// commit.
bool add_pages(uint64_t begin, uint64_t end);
// commit makes every page of [begin, end) present. False when the host has no memory left, or the heap is
// static.
bool commit(uint64_t begin, uint64_t end);
// trim gives back the committed pages of [begin, end): EMODT, EACCEPT, EREMOVE, a run at a time. No-op where
// memory cannot come again.
void trim(uint64_t begin, uint64_t end);
// zero_committed clears the pages of [begin, end) that exist, which must be writable; absent pages will be
// zero when they come.
void zero_committed(uint64_t begin, uint64_t end);
bool is_committed(uint64_t address);
// next_committed is the first committed page at or after `address`, or `end`.
uint64_t next_committed(uint64_t address, uint64_t end);
uint64_t committed_pages();
// absent_pages counts the pages of [begin, end) that do not exist yet.
uint64_t absent_pages(uint64_t begin, uint64_t end);

// Addresses of the dynamic range's parts. A static heap is brk's in its first 16 MiB (half of a small one),
// mmap's in the rest.
uint64_t arena_begin();
uint64_t arena_end();
uint64_t brk_begin();
uint64_t brk_limit();
uint64_t mmap_begin();
uint64_t dynamic_end();
// arena_take reserves zeroed memory for the shield's own tables; it is committed when first touched.
void* arena_take(uint64_t size);

}  // namespace clemmys::shield
