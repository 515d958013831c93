#include "runtime/js/snapshot.h"

#include <algorithm>

#include "base/check.h"
#include "base/codec.h"
#include "runtime/wasm/guard.h"

namespace clemmys::runtime::js {
namespace {

constexpr std::uint32_t kMagic = 0x314a5343;  // "CSJ1"
constexpr std::size_t kPageSize = 64u << 10;
constexpr std::size_t kRunsMax = kPageSize;

bool is_zero(ByteView block) {
  return std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

void capture(ByteView memory, Snapshot& snapshot) {
  constexpr std::size_t kSize = Snapshot::kBlockSize;
  snapshot.runs.clear();
  snapshot.storage.clear();
  for (std::size_t block = 0; block < memory.size() / kSize; ++block) {
    const ByteView content = memory.subspan(block * kSize, kSize);
    if (is_zero(content)) continue;
    if (snapshot.runs.empty() || snapshot.runs.back().first + snapshot.runs.back().count != block)
      snapshot.runs.push_back({static_cast<std::uint32_t>(block), 0});
    ++snapshot.runs.back().count;
    snapshot.storage.insert(snapshot.storage.end(), content.begin(), content.end());
  }
  snapshot.content = snapshot.storage;
}

void lay_out(const Snapshot& snapshot, std::span<std::uint8_t> memory) {
  constexpr std::size_t kSize = Snapshot::kBlockSize;
  std::size_t written = 0, source = 0;
  const auto clear_to = [&](std::size_t end) { wasm::clear(memory.data() + written, end - written); };
  for (const Snapshot::Run run : snapshot.runs) {
    const std::size_t first = run.first * kSize, size = run.count * kSize;
    CHECK(first >= written && first + size <= memory.size() && source + size <= snapshot.content.size());
    clear_to(first);
    std::memcpy(memory.data() + first, snapshot.content.data() + source, size);
    written = first + size;
    source += size;
  }
  clear_to(memory.size());
}

Bytes encode(const Snapshot& snapshot) {
  Writer out;
  out.u32(kMagic);
  out.u32(snapshot.pages);
  out.u32(snapshot.stack_pointer);
  for (const std::uint32_t address : {snapshot.scratch, snapshot.context, snapshot.runtime}) out.u32(address);
  for (const Value root : snapshot.roots) out.u64(root.bits);
  out.u32(static_cast<std::uint32_t>(snapshot.runs.size()));
  for (const Snapshot::Run run : snapshot.runs) {
    out.u32(run.first);
    out.u32(run.count);
  }
  out.blob(snapshot.content);
  return out.take();
}

Result<Snapshot> decode(ByteView bytes) {
  const Error corrupt{ErrorCode::kCorrupt, "runtime.js.snapshot"};
  Reader in(bytes);
  Snapshot snapshot;
  if (in.u32() != kMagic) return corrupt;
  snapshot.pages = in.u32();
  snapshot.stack_pointer = in.u32();
  for (std::uint32_t* address : {&snapshot.scratch, &snapshot.context, &snapshot.runtime})
    *address = in.u32();
  for (Value& root : snapshot.roots) root.bits = in.u64();
  const std::uint32_t runs = in.u32();
  if (runs > kRunsMax) return corrupt;
  std::uint64_t end = 0, blocks = 0;
  for (std::uint32_t i = 0; i < runs; ++i) {
    const Snapshot::Run run{in.u32(), in.u32()};
    if (run.count == 0 || run.first < end) return corrupt;
    end = std::uint64_t{run.first} + run.count;
    blocks += run.count;
    snapshot.runs.push_back(run);
  }
  snapshot.content = in.blob();
  TRY(in.finish("runtime.js.snapshot"));
  if (end * Snapshot::kBlockSize > snapshot.pages * kPageSize ||
      blocks * Snapshot::kBlockSize != snapshot.content.size())
    return corrupt;
  return snapshot;
}

}  // namespace clemmys::runtime::js
