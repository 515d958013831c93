// range.h: the memory of one enclave (its ELRANGE). The whole range is one lazily backed read-write mapping
// under userfaultfd: a page that is not filled raises SIGBUS, so presence costs no mapping; mprotect serves
// whole segments only. A child after fork has nothing there, or, if inherit_ranges was asked for, a copy.
// populate_… and discard are safe inside signal handlers.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::softsgx {

// Enclaves that choose no place live in [kAreaStart, kAreaEnd): one address range per thread is enough to
// trap their system calls.
inline constexpr std::uint64_t kAreaStart = 0x100000000000, kAreaEnd = 0x180000000000;

// inherit_ranges gives children made by fork from now on a copy of every range; each of them calls reopen
// then.
void inherit_ranges();

class Range {
 public:
  // reserve maps `size` (a power of two) at a multiple of size; at `base` when that is not 0: then the caller
  // has reserved this part of the address space, and the range takes it over.
  static Result<Range> reserve(std::uint64_t size, std::uint64_t base = 0);
  Range(Range&& other) noexcept;
  Range& operator=(Range&&) = delete;
  ~Range();

  std::uint64_t base() const { return base_; }
  std::uint64_t size() const { return size_; }
  std::uint8_t* at(std::uint64_t offset) const { return reinterpret_cast<std::uint8_t*>(base_ + offset); }

  // populate_copy makes absent pages present with these contents; populate_zero with zeros. False: some page
  // was present.
  bool populate_copy(std::uint64_t offset, const void* content, std::uint64_t size) const;
  bool populate_zero(std::uint64_t offset, std::uint64_t size) const;
  // discard makes pages absent, contents gone.
  bool discard(std::uint64_t offset, std::uint64_t size) const;
  // reopen makes absent pages of a child's copy absent there, too. False: the kernel has no descriptor for
  // it.
  bool reopen();
  // protect sets PROT_… bits of a segment.
  bool protect(std::uint64_t offset, std::uint64_t size, int protection) const;

 private:
  Range(std::uint64_t base, std::uint64_t size, int fault_fd)
      : base_(base), size_(size), fault_fd_(fault_fd) {}
  std::uint64_t base_, size_;
  int fault_fd_;
};

}  // namespace clemmys::softsgx
