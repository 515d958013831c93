// areas.h: which address ranges the program has mapped: a sorted array of disjoint ranges. Pure bookkeeping,
// no memory of its own: the caller gives the array and locks it. Neighbours of equal protection are joined,
// so glibc's growing arenas stay one entry.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

struct Area {
  uint64_t begin, end;
  uint64_t protection;  // PROT_… bits
  friend constexpr bool operator==(const Area&, const Area&) = default;
};

class Areas {
 public:
  // reset starts with nothing mapped in [begin, end).
  void reset(Area* storage, uint64_t capacity, uint64_t begin, uint64_t end);

  // room is whether one more operation surely fits: each adds at most two entries.
  bool room() const { return count_ + 2 <= capacity_; }
  uint64_t count() const { return count_; }
  const Area& at(uint64_t index) const { return storage_[index]; }

  // find returns the area that holds `address`, or null.
  const Area* find(uint64_t address) const;
  // covered is whether all of [begin, end) is mapped.
  bool covered(uint64_t begin, uint64_t end) const;
  // free_range returns the lowest unmapped range of `size` at or above `from`, or 0.
  uint64_t free_range(uint64_t size, uint64_t from) const;
  // set maps [begin, end) with a protection, over whatever was there. clear unmaps it.
  void set(uint64_t begin, uint64_t end, uint64_t protection);
  void clear(uint64_t begin, uint64_t end);

 private:
  uint64_t lower(uint64_t address) const;  // index of the first area that ends above address
  void insert(uint64_t index, Area area);
  void erase(uint64_t index, uint64_t count);

  Area* storage_ = nullptr;
  uint64_t capacity_ = 0, count_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace clemmys::shield
