// snapshot.h: the memory of an engine at rest, as bytes: what is part of the measured image, and what
// `isolate` goes back to.
#pragma once

#include <array>

#include "base/bytes.h"
#include "runtime/js/quickjs.h"

namespace clemmys::runtime::js {

struct Snapshot {
  std::uint32_t pages = 0;  // of 64 KiB
  std::uint32_t stack_pointer = 0;
  std::uint32_t scratch = 0, context = 0, runtime = 0;  // addresses in the engine (engine.h)
  std::array<Value, kRootCount> roots{};
  // runs are the blocks (of kBlockSize) that are not all zero, as index and count; `content` has them one
  // after another, in `storage` or in what was decoded.
  static constexpr std::size_t kBlockSize = 1024;
  struct Run {
    std::uint32_t first = 0, count = 0;
  };
  std::vector<Run> runs;
  Bytes storage;
  ByteView content;

  Snapshot() = default;
  Snapshot(Snapshot&&) = default;
  Snapshot& operator=(Snapshot&&) = default;
};

// capture fills runs and content from a memory whose size is a multiple of kBlockSize.
void capture(ByteView memory, Snapshot& snapshot);
// lay_out writes a snapshot's content to `memory`, a linear memory at least as large as the snapshot's, and
// clears the rest of it; pages that are nothing but zero stay untouched.
void lay_out(const Snapshot& snapshot, std::span<std::uint8_t> memory);

// encode and decode are the form in the image. What is decoded points into `bytes`. decode refuses whatever
// encode does not write.
Bytes encode(const Snapshot& snapshot);
Result<Snapshot> decode(ByteView bytes);

}  // namespace clemmys::runtime::js
