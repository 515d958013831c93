// Each check names the leaf function of the Intel SDM, volume 3D, chapter "SGX Instruction References", whose
// "Operation" section has it, and that section's result. Operands are C++ values: checks on alignment, on
// addresses in the EPC and on concurrent use (SGX_EPC_PAGE_CONFLICT) have nothing to look at; a lock serves
// for the last.
#include "softsgx/paging.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <vector>

#include "base/check.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

using sgx::kPageSize;
constexpr std::uint64_t kVersionSlots = 512;  // of one version array page
constexpr int kBatch = 16;                    // pages written out at a time, as Linux

std::atomic<std::uint64_t> size_pages{0};
Spinlock lock;
thread_local int depth __attribute__((tls_model("initial-exec"))) = 0;

// Cache is guarded by `lock`.
struct Cache {
  std::uint64_t used = 0, last_version = 0, hand_page = 0;
  std::size_t hand_enclave = 0;
  std::vector<State*> enclaves;
  std::array<std::uint8_t, 16> key{};
  EVP_CIPHER* cipher = nullptr;
};
Cache& cache() {
  static Cache* const instance = new Cache;
  return *instance;
}

// Bound is what the MAC covers beside the content.
struct Bound {
  std::uint64_t enclave, offset, entry;
};

// crypt seals (1) or opens (0) a page with AES-128-GCM; the version is the nonce, and never used twice.
bool crypt(int seal, const Bound& bound, std::uint64_t version, const std::uint8_t* from, std::uint8_t* to,
           std::array<std::uint8_t, 16>& mac) {
  std::uint8_t nonce[12] = {};
  std::memcpy(nonce, &version, sizeof version);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int size = 0;
  bool good = context != nullptr &&
              EVP_CipherInit_ex2(context, cache().cipher, cache().key.data(), nonce, seal, nullptr) == 1 &&
              EVP_CipherUpdate(context, nullptr, &size, reinterpret_cast<const std::uint8_t*>(&bound),
                               sizeof bound) == 1 &&
              EVP_CipherUpdate(context, to, &size, from, kPageSize) == 1;
  if (!seal) good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, mac.data()) == 1;
  good = good && EVP_CipherFinal_ex(context, to + size, &size) == 1;
  if (seal) good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, mac.data()) == 1;
  EVP_CIPHER_CTX_free(context);
  return good;
}

Bound bound_of(const State& state, std::uint64_t page, EpcmEntry entry) {
  return {state.base(), page * kPageSize, entry.secinfo().bits};
}

// hollow: a page whose contents nobody can see: not accepted yet, or trimmed. No memory is behind it here; it
// is written out as zeros, and comes back as it was.
bool hollow(EpcmEntry entry) {
  return entry.any(EpcmEntry::kPending) || entry.type() == sgx::PageType::kTrim;
}

// may_go is what a kernel asks before it pages out. EBLOCK: VALID is 0: SGX_PG_INVLD; another type than
// PT_REG, PT_TCS, PT_TRIM: SGX_NOTBLOCKABLE (SECS and version arrays are not in the range, and never go);
// BLOCKED is 1: SGX_BLKSTATE. Pages of threads, and those whose change waits for EACCEPT, could go and stay
// here: their contents are looked at.
bool may_go(EpcmEntry entry) {
  const bool settled = entry.type() == sgx::PageType::kRegular && !entry.any(EpcmEntry::kModified);
  return entry.valid() && (settled || hollow(entry)) &&
         !entry.any(EpcmEntry::kBlocked | EpcmEntry::kEvicted | EpcmEntry::kPinned);
}

// write_out is EBLOCK and EWB. Other threads cannot reach the page from the first protect on: mprotect
// returns when no processor has it in its TLB, which is what ETRACK is for, so that no cycle of it is open
// when the next begins (ETRACK: SGX_PREV_TRK_INCMPL).
bool write_out(State& state, std::uint64_t page) {
  const std::uint64_t offset = page * kPageSize;
  const EpcmEntry entry = state.epcm.load(page);
  // EWB: BLOCKED is 0: SGX_PAGE_NOT_BLOCKED; a thread may still have the page in its TLB: SGX_NOT_TRACKED.
  if (!state.epcm.replace(page, entry, entry.with(EpcmEntry::kBlocked))) return false;
  // EWB: the slot of the version array is not empty: SGX_VA_SLOT_OCCUPIED. ELDU empties it.
  CHECK(!state.paged.versions.contains(page));
  std::uint8_t content[kPageSize] = {};
  auto written = std::make_unique<WrittenPage>();
  written->version = ++cache().last_version;
  // Readers may go on, the contents stand still; a page without memory behind it is none that could go.
  if (!hollow(entry) && (!state.range.protect(offset, kPageSize, PROT_READ) ||
                         !read_memory(state.base() + offset, content, kPageSize))) {
    (void)state.apply_permissions(page, 1, entry.bits & EpcmEntry::kPermissions);
    state.epcm.store(page, entry);
    return false;
  }
  // EWB: PCMD has SECINFO (type, RWX, PENDING, MODIFIED, PR) and the enclave; the MAC covers them, the linear
  // address, the version and the contents.
  CHECK(crypt(1, bound_of(state, page, entry), written->version, content, written->content.data(),
              written->mac));
  CHECK(state.range.discard(offset, kPageSize));
  CHECK(state.apply_permissions(page, 1, sgx::kSecinfoRead | sgx::kSecinfoWrite));
  state.paged.versions[page] = written->version;
  state.paged.written[page] = std::move(written);
  state.epcm.store(page, entry.with(EpcmEntry::kEvicted));  // EWB: VALID becomes 0
  state.count(Event::kEblock);
  state.count(Event::kEwb);
  --state.paged.held;
  --cache().used;
  return true;
}

// make_room goes round all pages of all enclaves, from where it stopped the last time.
bool make_room() {
  Cache& all = cache();
  if (all.enclaves.empty()) return false;
  int gone = 0;
  State* tracked = nullptr;
  for (std::size_t enclaves = 0; enclaves <= all.enclaves.size() && gone < kBatch; ++enclaves) {
    if (all.hand_enclave >= all.enclaves.size()) all.hand_enclave = 0;
    State& state = *all.enclaves[all.hand_enclave];
    const std::uint64_t end = state.range.size() / kPageSize;
    for (std::uint64_t page = state.epcm.next_used(all.hand_page, end); page < end && gone < kBatch;
         page = state.epcm.next_used(page + 1, end)) {
      all.hand_page = page + 1;
      if (!may_go(state.epcm.load(page)) || !write_out(state, page)) continue;
      ++gone;
      if (tracked != &state) state.count(Event::kEtrack);
      tracked = &state;
    }
    if (gone < kBatch) {
      ++all.hand_enclave;
      all.hand_page = 0;
    }
  }
  return gone > 0;
}

bool take_page(State& state) {
  while (cache().used >= size_pages)
    if (!make_room()) return false;
  ++cache().used;
  ++state.paged.held;
  return true;
}

}  // namespace

void set_epc_size(std::uint64_t bytes) {
  Cache& all = cache();
  CHECK(all.enclaves.empty());
  if (all.cipher == nullptr) {
    all.cipher = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
    CHECK(all.cipher != nullptr && RAND_bytes(all.key.data(), static_cast<int>(all.key.size())) == 1);
  }
  size_pages = bytes / kPageSize;
}

bool epc_limited() { return size_pages.load(std::memory_order_relaxed) != 0; }

void paging_after_fork() { lock.unlock(); }

PagingGuard::PagingGuard() : held_(epc_limited()) {
  if (!held_ || depth++ > 0) return;
  new (blocked_) BlockedSignals;
  lock.lock();
}

PagingGuard::~PagingGuard() {
  if (!held_ || --depth > 0) return;
  lock.unlock();
  std::launder(reinterpret_cast<BlockedSignals*>(blocked_))->~BlockedSignals();
}

bool epc_add(State& state) {
  if (!epc_limited()) return true;
  if (!take_page(state)) return false;
  cache().enclaves.push_back(&state);
  return true;
}

void epc_remove(State& state) {
  Cache& all = cache();
  if (std::erase(all.enclaves, &state) == 0) return;
  all.used -= state.paged.held;
  all.hand_page = 0;
}

bool epc_take(State& state) {
  if (!epc_limited()) return true;
  if (state.paged.added++ % kVersionSlots == 0) {  // EPA, of a page that is free: else #PF
    if (!take_page(state)) return false;
    state.count(Event::kEpa);
  }
  return take_page(state);
}

void epc_give_back(State& state) {
  if (!epc_limited()) return;
  --state.paged.held;
  --cache().used;
}

bool epc_load(State& state, std::uint64_t page) {
  const EpcmEntry entry = state.epcm.load(page);
  if (!entry.has(EpcmEntry::kEvicted)) return true;  // ELDU into a page whose VALID is 1: #PF
  const auto written = state.paged.written.find(page);
  const auto version = state.paged.versions.find(page);
  std::uint8_t content[kPageSize];
  const EpcmEntry loaded = entry.without(EpcmEntry::kEvicted);
  // ELDU: no PCMD, or one that is not the page's, no version, contents that are not those of EWB:
  // SGX_MAC_COMPARE_FAIL.
  if (written == state.paged.written.end() || version == state.paged.versions.end() ||
      !crypt(0, bound_of(state, page, loaded), version->second, written->second->content.data(), content,
             written->second->mac) ||
      !take_page(state))
    return false;
  const bool empty = hollow(loaded);
  const auto permissions = static_cast<std::uint16_t>(entry.bits & EpcmEntry::kPermissions);
  if (!empty && (!state.apply_permissions(page, 1, permissions) ||
                 !state.range.populate_copy(page * kPageSize, content, kPageSize))) {
    epc_give_back(state);
    return false;
  }
  state.paged.written.erase(page);
  state.paged.versions.erase(page);  // ELDU: the slot becomes empty. BLOCKED is 0, where ELDB would leave 1
  state.epcm.store(page, empty ? loaded : loaded.with(EpcmEntry::kProtected));
  state.count(Event::kEldu);
  return true;
}

}  // namespace clemmys::softsgx
