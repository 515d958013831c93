// intervals.h: values on half-open ranges of numbers; setting a range overwrites what was there. A sorted
// vector: few ranges, many questions. Not synchronized.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace clemmys::softsgx {

template <typename Value>
class Intervals {
 public:
  struct Interval {
    std::uint64_t begin, end;
    Value value;
  };

  void set(std::uint64_t begin, std::uint64_t end, Value value) {
    if (begin >= end) return;
    auto at = cut(begin, end);
    at = items_.insert(at, {begin, end, value});
    if (at + 1 != items_.end() && joins(*at, *(at + 1))) {
      at->end = (at + 1)->end;
      items_.erase(at + 1);
    }
    if (at != items_.begin() && joins(*(at - 1), *at)) {
      (at - 1)->end = at->end;
      items_.erase(at);
    }
  }
  void erase(std::uint64_t begin, std::uint64_t end) {
    if (begin < end) (void)cut(begin, end);
  }
  // next is the first interval that ends after `at`: it holds `at`, or begins later; null when there is none.
  const Interval* next(std::uint64_t at) const {
    const auto found = std::ranges::upper_bound(items_, at, {}, &Interval::end);
    return found == items_.end() ? nullptr : &*found;
  }
  const Interval* find(std::uint64_t at) const {
    const Interval* found = next(at);
    return found != nullptr && found->begin <= at ? found : nullptr;
  }
  bool empty() const { return items_.empty(); }
  const std::vector<Interval>& items() const { return items_; }

 private:
  static bool joins(const Interval& a, const Interval& b) { return a.end == b.begin && a.value == b.value; }

  // cut removes [begin, end) and gives the place where it would be inserted.
  auto cut(std::uint64_t begin, std::uint64_t end) {
    auto first = std::ranges::upper_bound(items_, begin, {}, &Interval::end);
    if (first != items_.end() && first->begin < begin) {
      const Interval old = *first;
      first->end = begin;
      ++first;
      if (old.end > end) first = items_.insert(first, {end, old.end, old.value});
    }
    auto last = first;
    while (last != items_.end() && last->end <= end) ++last;
    if (last != items_.end() && last->begin < end) last->begin = end;
    return items_.erase(first, last);
  }

  std::vector<Interval> items_;
};

}  // namespace clemmys::softsgx
