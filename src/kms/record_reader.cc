#include "kms/record_reader.h"

#include "base/codec.h"
#include "kms/file.h"
#include "kms/journal.h"

namespace clemmys::kms {

Status RecordReader::fill(std::size_t wanted) {
  if (buffer_.size() - start_ >= wanted) return {};
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
  start_ = 0;
  while (buffer_.size() < wanted) {
    constexpr std::size_t kStep = 1u << 20;
    const std::size_t have = buffer_.size();
    buffer_.resize(have + kStep);
    const std::size_t got = TRY(read_some(descriptor_, MutableBytes(buffer_).subspan(have)));
    buffer_.resize(have + got);
    if (got == 0) break;
  }
  return {};
}

Result<RecordReader::Item> RecordReader::next() {
  TRY(fill(4));
  const ByteView head = ByteView(buffer_).subspan(start_);
  if (head.empty()) return Item{};
  if (head.size() < 4) return Item{Kind::kIncomplete, {}};
  const std::size_t size = 4 + std::size_t{Reader(head).u32()};
  if (size > kRecordSizeMax) return Item{Kind::kIncomplete, {}};
  TRY(fill(size));
  const ByteView rest = ByteView(buffer_).subspan(start_);
  if (rest.size() < size) return Item{Kind::kIncomplete, {}};
  start_ += size;
  return Item{Kind::kRecord, rest.first(size)};
}

}  // namespace clemmys::kms
