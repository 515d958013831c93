#include "runtime/wasi/output.h"

#include <algorithm>
#include <utility>

namespace clemmys::runtime::wasi {

void Output::append(std::string_view piece) {
  for (;;) {
    const std::size_t end = piece.find('\n');
    grow(piece.substr(0, end));
    if (end == std::string_view::npos) return;
    end_line();
    piece.remove_prefix(end + 1);
  }
}

void Output::grow(std::string_view piece) {
  blank_ = blank_ && piece.find_first_not_of(" \t\r") == std::string_view::npos;
  current_.size += piece.size();
  const ByteView kept = as_bytes(piece.substr(0, size_max_ - current_.text.size()));
  current_.text.insert(current_.text.end(), kept.begin(), kept.end());
}

void Output::end_line() {
  if (!std::exchange(blank_, true)) {
    if (answer_.size > 0) log_(as_text(answer_.text));
    answer_ = std::move(current_);
  }
  current_ = {};
}

Output::Line Output::take() {
  end_line();
  return std::exchange(answer_, {});
}

}  // namespace clemmys::runtime::wasi
