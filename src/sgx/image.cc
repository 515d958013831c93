#include "sgx/image.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "base/codec.h"
#include "sgx/measurement.h"

namespace clemmys::sgx {
namespace {

constexpr std::string_view kMagic = "CLMYSIMG";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFooterSize = 8 + 4 + 8, kImageSizeMax = 16ull << 30;

Error refused(std::string detail) { return {ErrorCode::kInvalid, "sgx.image.parse", std::move(detail)}; }

struct Parts {
  ByteView stream, sigstruct;
};

Result<Parts> split(ByteView file) {
  if (file.size() > kImageSizeMax) return refused("larger than 16 GiB");
  if (file.size() < kFooterSize + sizeof(Sigstruct) + kMeasureRecordSize) return refused("too short");
  Reader footer(file.last(kFooterSize));
  if (as_text(footer.raw(kMagic.size())) != kMagic)
    return refused("the footer's magic is missing: not an image");
  if (const std::uint32_t version = footer.u32(); version != kVersion)
    return refused("version " + std::to_string(version));
  const std::uint64_t stream_size = footer.u64();
  if (stream_size != file.size() - kFooterSize - sizeof(Sigstruct))
    return refused("the footer's stream size is wrong");
  return Parts{file.first(stream_size), file.subspan(stream_size, sizeof(Sigstruct))};
}

// StreamParser takes records in order. Every page must be above the one before: so nothing overlaps and one
// image has one form.
class StreamParser {
 public:
  StreamParser(ByteView stream, Measure measure, ParsedImage& out)
      : reader_(stream), measure_(measure), out_(out) {}

  Status run() {
    TRY(create());
    while (!reader_.rest().empty()) TRY(record());
    if (out_.pages.empty()) return refused("no pages");
    if (out_.info.thread_count == 0) return refused("no thread (TCS page)");
    if (log_) out_.info.measurement = log_->finish();
    return check_pages();
  }

 private:
  Status create() {
    const ByteView raw = reader_.raw(kMeasureRecordSize);
    Reader fields(raw);
    if (fields.u64() != kTagEcreate) return refused("the first record is not ECREATE");
    const std::uint32_t ssaframesize = fields.u32();
    const std::uint64_t size = fields.u64();
    if (!std::has_single_bit(size) || size < 2 * kPageSize || size > (std::uint64_t{1} << 42))
      return refused("enclave size");
    if (ssaframesize == 0 || ssaframesize > 16) return refused("SSA frame size");
    if (!std::ranges::equal(raw, ecreate_record(ssaframesize, size)))
      return refused("reserved bytes of ECREATE");
    out_.secs.size = size;
    out_.secs.ssaframesize = ssaframesize;
    if (measure_ == Measure::kYes) log_.emplace(ssaframesize, size);
    return {};
  }

  Status record() {
    const ByteView raw = reader_.raw(kMeasureRecordSize);
    Reader fields(raw);
    const std::uint64_t tag = fields.u64(), offset = fields.u64(), flags = fields.u64();
    if (!reader_.ok()) return refused("a record is cut off");
    if (tag == kTagEadd) {
      if (!std::ranges::equal(raw, eadd_record(offset, {flags}))) return refused("reserved bytes of EADD");
      return add(offset, {flags});
    }
    if (tag != kTagEextend && tag != kTagUnmeasured) return refused("unknown record");
    const bool measured = tag == kTagEextend;
    if (!std::ranges::equal(raw, measured ? eextend_record(offset) : unmeasured_record(offset)))
      return refused("reserved bytes of a content record");
    return content(offset, measured);
  }

  Status add(std::uint64_t offset, SecinfoFlags flags) {
    const auto type = flags.type();
    const std::uint64_t permissions = flags.bits & kSecinfoPermissions;
    if (offset % kPageSize != 0 || offset >= out_.secs.size) return refused("a page outside the enclave");
    if (!out_.pages.empty() && offset <= out_.pages.back().offset)
      return refused("pages overlap or are not in order");
    if (flags.bits & ~(0xff00 | kSecinfoPermissions)) return refused("flags of a page");
    if (type != PageType::kTcs && type != PageType::kRegular) return refused("type of a page");
    if (type == PageType::kTcs && permissions != 0) return refused("a TCS page with permissions");
    if ((permissions & kSecinfoWrite) && !(permissions & kSecinfoRead))
      return refused("a page writable but not readable");
    if ((permissions & kSecinfoWrite) && (permissions & kSecinfoExecute))
      return refused("a page both writable and executable");
    if (log_) log_->add(offset, flags);
    if (type == PageType::kTcs) ++out_.info.thread_count;
    out_.pages.push_back({.offset = offset, .flags = flags});
    return {};
  }

  Status content(std::uint64_t offset, bool measured) {
    const ByteView bytes = reader_.raw(kExtendChunkSize);
    if (!reader_.ok()) return refused("content is cut off");
    if (out_.pages.empty()) return refused("content before any page");
    ImagePage& page = out_.pages.back();
    if (offset % kExtendChunkSize != 0 || offset < page.offset || offset >= page.offset + kPageSize)
      return refused("content outside its page");
    const std::size_t index = (offset - page.offset) / kExtendChunkSize;
    const auto bit = static_cast<std::uint16_t>(1u << index);
    if (page.chunks >= bit) return refused("content twice or not in order");
    page.chunks |= bit;
    page.content[index] = bytes;
    if (measured) {
      page.measured |= bit;
      if (log_) log_->extend(offset, std::span<const std::uint8_t, kExtendChunkSize>(bytes));
      out_.info.measured_size += kExtendChunkSize;
    }
    return {};
  }

  // A page is measured whole or not at all: the Linux driver knows nothing else. What a thread starts from is
  // measured.
  Status check_pages() const {
    for (const ImagePage& page : out_.pages) {
      if (page.measured != 0 && page.measured != 0xffff) return refused("a page measured in part");
      const bool must = page.flags.type() == PageType::kTcs || (page.flags.bits & kSecinfoExecute);
      if (must && page.measured == 0) return refused("an unmeasured code or TCS page");
    }
    return {};
  }

  Reader reader_;
  Measure measure_;
  ParsedImage& out_;
  std::optional<MeasurementLog> log_;
};

}  // namespace

Result<ParsedImage> parse_image_pages(ByteView file, Measure measure) {
  const Parts parts = TRY(split(file));
  ParsedImage out;
  TRY(StreamParser(parts.stream, measure, out).run());
  std::memcpy(&out.sigstruct, parts.sigstruct.data(), sizeof out.sigstruct);
  if (measure == Measure::kNo)
    std::ranges::copy(out.sigstruct.enclavehash, out.info.measurement.bytes.begin());
  else if (const Status status = check_sigstruct(out.sigstruct); !status)
    return refused("SIGSTRUCT: " + status.error().detail);
  if (!std::ranges::equal(out.info.measurement.bytes, out.sigstruct.enclavehash))
    return refused("SIGSTRUCT is for another measurement; this stream's is " + to_hex(out.info.measurement));
  out.secs.miscselect = out.sigstruct.miscselect;
  out.secs.attributes = out.sigstruct.attributes;
  out.secs.attributes.flags &= ~kAttributeInit;
  out.info.signer = signer_of(out.sigstruct);
  out.info.product_id = out.sigstruct.isvprodid;
  out.info.security_version = out.sigstruct.isvsvn;
  out.info.debug = out.sigstruct.attributes.flags & kAttributeDebug;
  return out;
}

Result<ImageInfo> parse_image(ByteView file) { return TRY(parse_image_pages(file, Measure::kYes)).info; }

}  // namespace clemmys::sgx
