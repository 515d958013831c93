// record_reader.h: cuts the journal file into records, with one buffer and few reads. It authenticates
// nothing.
#pragma once

#include "base/bytes.h"

namespace clemmys::kms {

class RecordReader {
 public:
  explicit RecordReader(int descriptor) : descriptor_(descriptor) {}

  enum class Kind : std::uint8_t { kEnd, kRecord, kIncomplete };
  struct Item {
    Kind kind = Kind::kEnd;
    ByteView bytes;  // the whole record, with its length; valid until the next call
  };
  // next gives the next record; kIncomplete when the file ends inside one, or a length cannot be one.
  Result<Item> next();

 private:
  Status fill(std::size_t wanted);  // until `wanted` bytes are buffered or the file ends

  int descriptor_;
  Bytes buffer_;
  std::size_t start_ = 0;
};

}  // namespace clemmys::kms
