// state.h: what the emulated processor knows of one enclave. Internal to softsgx. Read and changed by host
// threads (under `lock`) and by signal handlers (never under a lock: only atomics and tables that grow).
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>

#include "sgx/measurement.h"
#include "softsgx/enclave.h"
#include "softsgx/epcm.h"
#include "softsgx/mappings.h"
#include "softsgx/paging.h"
#include "softsgx/range.h"

namespace clemmys::softsgx {

// TcsState is the processor's copy of a TCS: enclave memory that nobody can write. `busy` is its exclusive
// use by a thread.
struct TcsState {
  std::atomic<std::uint64_t> page{~0ull};  // its page number; ~0: the slot is free
  std::atomic<bool> busy{false};
  std::uint32_t cssa = 0, nssa = 0;  // cssa: changed only by the thread that made it busy
  std::uint64_t flags = 0, ossa = 0, oentry = 0, ofsbase = 0, ogsbase = 0;
};

// TcsTable is an open hash table of fixed size, so that lookups need no lock.
class TcsTable {
 public:
  static constexpr std::size_t kCapacity = 2048;
  TcsState* find(std::uint64_t page);
  bool any_busy() const;
  // insert gives the entry of a new TCS (or the old one of that page); null when full.
  TcsState* insert(std::uint64_t page, const sgx::Tcs& tcs);

 private:
  std::array<TcsState, kCapacity> slots_;
};

// SiteTable holds the addresses of ENCLU instructions that now begin with INT3. It only grows.
class SiteTable {
 public:
  bool contains(std::uint64_t address) const;
  bool insert(std::uint64_t address);  // false: full

 private:
  static constexpr std::size_t kCapacity = 1024;
  std::array<std::atomic<std::uint64_t>, kCapacity> slots_{};
};

enum class Event : std::uint8_t {
  kEadd,
  kEextend,
  kEaug,
  kEremove,
  kEmodt,
  kEmodpr,
  kEenter,
  kEresume,
  kEexit,
  kAex,
  kEaccept,
  kEacceptcopy,
  kEmodpe,
  kEreport,
  kEgetkey,
  kPageFault,
  kEblock,
  kEtrack,
  kEwb,
  kEldu,
  kEpa,
  kCount,
};

struct State {
  State(std::shared_ptr<const Machine> machine_in, const sgx::Secs& secs, Range range_in);

  std::shared_ptr<const Machine> machine;
  Identity identity;  // constant after EINIT
  Range range;
  Epcm epcm;
  bool direct_exits = false;  // constant after ECREATE
  std::atomic<bool> initialized{false};
  std::mutex lock;  // host threads that build or change pages
  std::optional<sgx::MeasurementLog> log;
  Mappings mappings;
  Paged paged;                // under a PagingGuard
  std::atomic<int> users{0};  // handlers and entries that hold it by registry.h
  TcsTable tcs_table;
  SiteTable enclu_sites;
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Event::kCount)> counters{};

  const sgx::Secs& secs() const { return identity.secs; }
  std::uint64_t base() const { return range.base(); }
  bool contains(std::uint64_t address) const { return address - range.base() < range.size(); }
  std::uint64_t page_of(std::uint64_t address) const { return (address - range.base()) / sgx::kPageSize; }
  void count(Event event, std::uint64_t n = 1) {
    counters[static_cast<std::size_t>(event)].fetch_add(n, std::memory_order_relaxed);
  }

  // Addresses and sizes of SSA frame `index` of a thread.
  std::uint64_t ssa_frame_size() const { return secs().ssaframesize * sgx::kPageSize; }
  std::uint64_t ssa_frame(const TcsState& tcs, std::uint32_t index) const {
    return base() + tcs.ossa + index * ssa_frame_size();
  }
  // ssa_pages are the pages of a frame that the processor uses: the one with the XSAVE area, and the one with
  // MISC and GPRSGX. Nothing: beyond any enclave.
  std::optional<std::array<std::uint64_t, 2>> ssa_pages(const TcsState& tcs, std::uint32_t index) const;

  // augment_page is EAUG of one absent page; false when it is not absent. serve_fault is the Linux driver's
  // answer to an access from inside to an absent page: EAUG, and the access runs again. That interruption
  // (AEX, ERESUME) is counted, not made: the emulator continues at once with what the access meets then, a
  // PENDING page.
  bool augment_page(std::uint64_t page);
  void serve_fault(std::uint64_t page);
  // apply_permissions makes the memory of a run of pages follow these EPCM permissions and the host's
  // mappings.
  bool apply_permissions(std::uint64_t page, std::uint64_t count, std::uint16_t permissions) const;
  // remap makes the memory follow after the host's mappings of a part of the range have changed.
  bool remap(std::uint64_t begin, std::uint64_t end) const;
};

// tcs_reserved_clear and tcs_limits_fit are EADD's checks of a TCS, and EACCEPT's of a page that became one:
// fields behind the architectural ones are zero; segment limits of a 32-bit enclave end pages.
bool tcs_reserved_clear(const sgx::Tcs& tcs);
bool tcs_limits_fit(const sgx::Tcs& tcs, const sgx::Secs& secs);

// xsave_size is the bytes of XSAVE's standard format for the components of `xfrm`.
constexpr std::uint64_t xsave_size(std::uint64_t xfrm) { return xfrm & sgx::kXfrmAvx ? 832 : 576; }

}  // namespace clemmys::softsgx
