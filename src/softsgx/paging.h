// paging.h: an enclave page cache of limited size, for all enclaves of this process. When a page is needed
// and none is free, others are written out as the Linux driver does: EBLOCK each, ETRACK once, EWB each (at
// most 16 at a time); an access to one that is out brings it back (ELDU) and runs again. What leaves the
// cache is encrypted and carries a MAC over content, address and EPCM entry; its version stays inside, in a
// version array, which costs pages of the cache, too (EPA). So the host can neither read nor alter it, nor
// give back an older copy. Pages of threads (TCS, SSA) stay in. Source: Intel SDM volume 3D, "EBLOCK",
// "ETRACK", "EWB", "ELDB/ELDU", "EPA"; the choice of pages is ours. Everything but set_epc_size wants a
// PagingGuard. Without a limit all of it costs nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "sgx/arch.h"
#include "softsgx/spinlock.h"

namespace clemmys::softsgx {

struct State;

// set_epc_size limits the cache, in bytes; 0: no limit. Before the first enclave.
void set_epc_size(std::uint64_t bytes);
bool epc_limited();
// paging_after_fork makes a child's cache usable, whoever held it in the parent.
void paging_after_fork();

// PagingGuard keeps every page where it is. A thread may hold several.
class PagingGuard {
 public:
  PagingGuard();
  ~PagingGuard();
  PagingGuard(const PagingGuard&) = delete;
  PagingGuard& operator=(const PagingGuard&) = delete;

 private:
  alignas(BlockedSignals) std::uint8_t blocked_[sizeof(BlockedSignals)];
  bool held_;
};

// WrittenPage is what EWB leaves in the host's memory.
struct WrittenPage {
  std::uint64_t version;
  std::array<std::uint8_t, 16> mac;
  std::array<std::uint8_t, sgx::kPageSize> content;
};
// Paged is one enclave's side: its written pages by number (the host's), their versions (the cache's).
struct Paged {
  std::unordered_map<std::uint64_t, std::unique_ptr<WrittenPage>> written;
  std::unordered_map<std::uint64_t, std::uint64_t> versions;
  std::uint64_t held = 0, added = 0;  // pages in the cache now; ever taken
};

// epc_add takes an enclave's SECS page into account, epc_remove gives back all that an enclave holds.
bool epc_add(State& state);
void epc_remove(State& state);
// epc_take makes room for one more page; false: nothing can be written out. epc_give_back frees one.
bool epc_take(State& state);
void epc_give_back(State& state);
// epc_load brings a page back if it is out. False: it cannot be, because nothing else can go or because it is
// not what EWB wrote.
bool epc_load(State& state, std::uint64_t page);

}  // namespace clemmys::softsgx
