// Frames and the bodies of local links. A byte stream must give the same frames however it is cut.
#include "fuzz.h"
#include "wire/frame.h"
#include "wire/links.h"

namespace clemmys::wire {

// A stored record has a reader only; this makes it look like the others.
Bytes encode(const StoredRecord& record) {
  Writer writer;
  write(writer, record);
  return writer.take();
}

}  // namespace clemmys::wire

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t { kFrames, kPlatformError, kListRecords, kAssignment, kRecord, kSelectors };

// frames_of reads a stream in pieces of `step` bytes until the end or the first error, which is shown as type
// 0.
std::vector<wire::Frame> frames_of(ByteView stream, std::size_t step) {
  wire::FrameBuffer buffer(4096);
  std::vector<wire::Frame> frames;
  while (!stream.empty()) {
    const std::size_t size = std::min(step, stream.size());
    buffer.feed(stream.first(size));
    stream = stream.subspan(size);
    for (;;) {
      auto next = buffer.next();
      if (!next) {
        frames.push_back({});
        return frames;
      }
      if (!*next) break;
      frames.push_back(std::move(**next));
    }
  }
  return frames;
}

void try_frames(ByteView stream) {
  const std::vector<wire::Frame> whole = frames_of(stream, stream.size() + 1), cut = frames_of(stream, 3);
  CHECK(whole.size() == cut.size());
  for (std::size_t i = 0; i < whole.size(); ++i)
    CHECK(whole[i].type == cut[i].type && whole[i].body == cut[i].body);
}

Result<wire::StoredRecord> decode_record(ByteView bytes) {
  Reader reader(bytes);
  wire::StoredRecord record = wire::read_stored_record(reader);
  if (Status status = reader.finish("fuzz.record"); !status) return status.error();
  return record;
}

}  // namespace

std::vector<Bytes> seeds() {
  Bytes stream = wire::encode_frame(1, as_bytes("hello"));
  const Bytes second = wire::encode_frame(2, {});
  stream.insert(stream.end(), second.begin(), second.end());
  wire::StoredRecord record;
  record.sealed = to_bytes("sealed");
  return {tagged(kFrames, stream), tagged(kPlatformError, encode(wire::PlatformError{.text = "x"})),
          tagged(kListRecords, encode(wire::ListRecords{})),
          tagged(kAssignment, encode(wire::InstanceAssignment{})), tagged(kRecord, encode(record))};
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  namespace wire = clemmys::wire;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kFrames:
      try_frames(input);
      break;
    case kPlatformError:
      check_one_encoding(input, wire::decode_platform_error);
      break;
    case kListRecords:
      check_one_encoding(input, wire::decode_list_records);
      break;
    case kAssignment:
      check_one_encoding(input, wire::decode_assignment);
      break;
    default:
      check_one_encoding(input, decode_record);
      break;
  }
  return 0;
}
