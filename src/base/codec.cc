#include "base/codec.h"

#include "base/check.h"

namespace clemmys {

void Writer::blob(ByteView bytes) {
  CHECK(bytes.size() <= Reader::kBlobSizeMax);
  u32(static_cast<std::uint32_t>(bytes.size()));
  raw(bytes);
}

bool Reader::boolean() {
  std::uint8_t value = u8();
  if (value > 1) fail();
  return value == 1;
}

ByteView Reader::raw(std::size_t size) {
  if (size > rest_.size()) {
    fail();
    return {};
  }
  ByteView field = rest_.first(size);
  rest_ = rest_.subspan(size);
  return field;
}

ByteView Reader::blob(std::size_t size_max) {
  std::uint32_t size = u32();
  if (size > size_max) {
    fail();
    return {};
  }
  return raw(size);
}

std::uint32_t Reader::count(std::size_t element_size_min) {
  std::uint32_t elements = u32();
  if (elements > rest_.size() / element_size_min) {
    fail();
    return 0;
  }
  return elements;
}

Status Reader::finish(std::string_view site) const {
  if (failed_ || !rest_.empty()) return Error{ErrorCode::kCorrupt, site};
  return {};
}

}  // namespace clemmys
