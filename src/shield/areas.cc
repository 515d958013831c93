#include "shield/areas.h"

#include "shield/memory.h"

namespace clemmys::shield {

void Areas::reset(Area* storage, uint64_t capacity, uint64_t begin, uint64_t end) {
  storage_ = storage;
  capacity_ = capacity;
  count_ = 0;
  begin_ = begin;
  end_ = end;
}

uint64_t Areas::lower(uint64_t address) const {
  uint64_t low = 0, high = count_;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (storage_[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

const Area* Areas::find(uint64_t address) const {
  const uint64_t index = lower(address);
  return index < count_ && storage_[index].begin <= address ? &storage_[index] : nullptr;
}

bool Areas::covered(uint64_t begin, uint64_t end) const {
  for (uint64_t index = lower(begin); begin < end; ++index) {
    if (index == count_ || storage_[index].begin > begin) return false;
    begin = storage_[index].end;
  }
  return true;
}

uint64_t Areas::free_range(uint64_t size, uint64_t from) const {
  uint64_t candidate = from < begin_ ? begin_ : from;
  for (uint64_t index = lower(candidate); index < count_; ++index) {
    if (storage_[index].begin > candidate && storage_[index].begin - candidate >= size) return candidate;
    candidate = storage_[index].end;
  }
  return candidate < end_ && end_ - candidate >= size ? candidate : 0;
}

void Areas::insert(uint64_t index, Area area) {
  memmove(&storage_[index + 1], &storage_[index], (count_ - index) * sizeof(Area));
  storage_[index] = area;
  ++count_;
}

void Areas::erase(uint64_t index, uint64_t count) {
  memmove(&storage_[index], &storage_[index + count], (count_ - index - count) * sizeof(Area));
  count_ -= count;
}

void Areas::clear(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  uint64_t index = lower(begin);
  if (index < count_ && storage_[index].begin < begin) {
    const Area whole = storage_[index];
    storage_[index].end = begin;
    if (whole.end > end) {
      insert(index + 1, {end, whole.end, whole.protection});
      return;
    }
    ++index;
  }
  uint64_t last = index;
  while (last < count_ && storage_[last].end <= end) ++last;
  if (last < count_ && storage_[last].begin < end) storage_[last].begin = end;
  erase(index, last - index);
}

void Areas::set(uint64_t begin, uint64_t end, uint64_t protection) {
  if (begin >= end) return;
  clear(begin, end);
  const uint64_t index = lower(begin);
  const bool joins_left =
      index > 0 && storage_[index - 1].end == begin && storage_[index - 1].protection == protection;
  const bool joins_right =
      index < count_ && storage_[index].begin == end && storage_[index].protection == protection;
  if (joins_left && joins_right) {
    storage_[index - 1].end = storage_[index].end;
    erase(index, 1);
  } else if (joins_left) {
    storage_[index - 1].end = end;
  } else if (joins_right) {
    storage_[index].begin = begin;
  } else {
    insert(index, {begin, end, protection});
  }
}

}  // namespace clemmys::shield
