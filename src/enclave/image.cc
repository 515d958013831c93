#include "enclave/image.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "base/codec.h"
#include "sgx/measurement.h"
#include "sgx/sigstruct.h"

namespace clemmys::enclave {
namespace {

using sgx::kPageSize;

constexpr std::string_view kMagic = "CLMYSIMG";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFooterSize = 8 + 4 + 8, kImageSizeMax = 1u << 30;

Error refused(std::string detail) { return {ErrorCode::kInvalid, "enclave.image.parse", std::move(detail)}; }

// PageRecord is one EADD with what followed it. `chunks` has a bit per 256 bytes that the stream gave;
// `measured` one per EEXTEND.
struct PageRecord {
  std::uint64_t offset = 0;
  sgx::SecinfoFlags flags{};
  std::uint16_t measured = 0, chunks = 0;
  std::array<ByteView, 16> content{};
};

struct Parsed {
  ImageInfo info;
  sgx::Secs secs{};
  sgx::Sigstruct sigstruct{};
  std::vector<PageRecord> pages;
};

struct Parts {
  ByteView stream, sigstruct;
};

Result<Parts> split(ByteView file) {
  if (file.size() > kImageSizeMax) return refused("larger than 1 GiB");
  if (file.size() < kFooterSize + sizeof(sgx::Sigstruct) + sgx::kMeasureRecordSize)
    return refused("too short");
  Reader footer(file.last(kFooterSize));
  if (as_text(footer.raw(kMagic.size())) != kMagic)
    return refused("the footer's magic is missing: not an image");
  if (const std::uint32_t version = footer.u32(); version != kVersion)
    return refused("version " + std::to_string(version));
  const std::uint64_t stream_size = footer.u64();
  if (stream_size != file.size() - kFooterSize - sizeof(sgx::Sigstruct))
    return refused("the footer's stream size is wrong");
  return Parts{file.first(stream_size), file.subspan(stream_size, sizeof(sgx::Sigstruct))};
}

// StreamParser takes records in order. Every page must be above the one before: so nothing overlaps and one
// image has one form. Measure::kNo leaves the measurement to EINIT, which refuses another one than SIGSTRUCT
// names.
enum class Measure { kNo, kYes };

class StreamParser {
 public:
  StreamParser(ByteView stream, Measure measure, Parsed& out)
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
    const ByteView raw = reader_.raw(sgx::kMeasureRecordSize);
    Reader fields(raw);
    if (fields.u64() != sgx::kTagEcreate) return refused("the first record is not ECREATE");
    const std::uint32_t ssaframesize = fields.u32();
    const std::uint64_t size = fields.u64();
    if (!std::has_single_bit(size) || size < 2 * kPageSize || size > (std::uint64_t{1} << 42))
      return refused("enclave size");
    if (ssaframesize == 0 || ssaframesize > 16) return refused("SSA frame size");
    if (!std::ranges::equal(raw, sgx::ecreate_record(ssaframesize, size)))
      return refused("reserved bytes of ECREATE");
    out_.secs.size = size;
    out_.secs.ssaframesize = ssaframesize;
    if (measure_ == Measure::kYes) log_.emplace(ssaframesize, size);
    return {};
  }

  Status record() {
    const ByteView raw = reader_.raw(sgx::kMeasureRecordSize);
    Reader fields(raw);
    const std::uint64_t tag = fields.u64(), offset = fields.u64(), flags = fields.u64();
    if (!reader_.ok()) return refused("a record is cut off");
    if (tag == sgx::kTagEadd) {
      if (!std::ranges::equal(raw, sgx::eadd_record(offset, {flags})))
        return refused("reserved bytes of EADD");
      return add(offset, {flags});
    }
    if (tag != sgx::kTagEextend && tag != sgx::kTagUnmeasured) return refused("unknown record");
    const bool measured = tag == sgx::kTagEextend;
    if (!std::ranges::equal(raw, measured ? sgx::eextend_record(offset) : sgx::unmeasured_record(offset)))
      return refused("reserved bytes of a content record");
    return content(offset, measured);
  }

  Status add(std::uint64_t offset, sgx::SecinfoFlags flags) {
    const auto type = flags.type();
    const std::uint64_t permissions = flags.bits & sgx::kSecinfoPermissions;
    if (offset % kPageSize != 0 || offset >= out_.secs.size) return refused("a page outside the enclave");
    if (!out_.pages.empty() && offset <= out_.pages.back().offset)
      return refused("pages overlap or are not in order");
    if (flags.bits & ~(0xff00 | sgx::kSecinfoPermissions)) return refused("flags of a page");
    if (type != sgx::PageType::kTcs && type != sgx::PageType::kRegular) return refused("type of a page");
    if (type == sgx::PageType::kTcs && permissions != 0) return refused("a TCS page with permissions");
    if ((permissions & sgx::kSecinfoWrite) && !(permissions & sgx::kSecinfoRead))
      return refused("a page writable but not readable");
    if ((permissions & sgx::kSecinfoWrite) && (permissions & sgx::kSecinfoExecute))
      return refused("a page both writable and executable");
    if (log_) log_->add(offset, flags);
    if (type == sgx::PageType::kTcs) ++out_.info.thread_count;
    out_.pages.push_back({.offset = offset, .flags = flags});
    return {};
  }

  Status content(std::uint64_t offset, bool measured) {
    const ByteView bytes = reader_.raw(sgx::kExtendChunkSize);
    if (!reader_.ok()) return refused("content is cut off");
    if (out_.pages.empty()) return refused("content before any page");
    PageRecord& page = out_.pages.back();
    if (offset % sgx::kExtendChunkSize != 0 || offset < page.offset || offset >= page.offset + kPageSize)
      return refused("content outside its page");
    const std::size_t index = (offset - page.offset) / sgx::kExtendChunkSize;
    const auto bit = static_cast<std::uint16_t>(1u << index);
    if (page.chunks >= bit) return refused("content twice or not in order");
    page.chunks |= bit;
    page.content[index] = bytes;
    if (measured) {
      page.measured |= bit;
      if (log_) log_->extend(offset, std::span<const std::uint8_t, sgx::kExtendChunkSize>(bytes));
      out_.info.measured_size += sgx::kExtendChunkSize;
    }
    return {};
  }

  // A page is measured whole or not at all: the Linux driver knows nothing else. What a thread starts from is
  // measured.
  Status check_pages() const {
    for (const PageRecord& page : out_.pages) {
      if (page.measured != 0 && page.measured != 0xffff) return refused("a page measured in part");
      const bool must = page.flags.type() == sgx::PageType::kTcs || (page.flags.bits & sgx::kSecinfoExecute);
      if (must && page.measured == 0) return refused("an unmeasured code or TCS page");
    }
    return {};
  }

  Reader reader_;
  Measure measure_;
  Parsed& out_;
  std::optional<sgx::MeasurementLog> log_;
};

Result<Parsed> parse(ByteView file, Measure measure) {
  const Parts parts = TRY(split(file));
  Parsed out;
  TRY(StreamParser(parts.stream, measure, out).run());
  std::memcpy(&out.sigstruct, parts.sigstruct.data(), sizeof out.sigstruct);
  if (measure == Measure::kNo)
    std::ranges::copy(out.sigstruct.enclavehash, out.info.measurement.bytes.begin());
  else if (const Status status = sgx::check_sigstruct(out.sigstruct); !status)
    return refused("SIGSTRUCT: " + status.error().detail);
  if (!std::ranges::equal(out.info.measurement.bytes, out.sigstruct.enclavehash))
    return refused("SIGSTRUCT is for another measurement; this stream's is " + to_hex(out.info.measurement));
  out.secs.miscselect = out.sigstruct.miscselect;
  out.secs.attributes = out.sigstruct.attributes;
  out.secs.attributes.flags &= ~sgx::kAttributeInit;
  out.info.signer = sgx::signer_of(out.sigstruct);
  out.info.product_id = out.sigstruct.isvprodid;
  out.info.security_version = out.sigstruct.isvsvn;
  out.info.debug = out.sigstruct.attributes.flags & sgx::kAttributeDebug;
  return out;
}

bool joins(const PageRecord& page, const PageRecord& next) {
  return next.offset == page.offset + kPageSize && next.flags == page.flags &&
         (next.measured != 0) == (page.measured != 0);
}

// append puts a page's content, holes as zeros, at the end of `run`.
void append(Bytes& run, const PageRecord& page) {
  for (const ByteView chunk : page.content) {
    if (chunk.empty())
      run.insert(run.end(), sgx::kExtendChunkSize, 0);
    else
      run.insert(run.end(), chunk.begin(), chunk.end());
  }
}

}  // namespace

Result<ImageInfo> parse_image(ByteView file) { return TRY(parse(file, Measure::kYes)).info; }

Result<std::unique_ptr<Enclave>> load_image(Platform& platform, ByteView file) {
  const Parsed image = TRY(parse(file, Measure::kNo));
  std::unique_ptr<Enclave> enclave = TRY(platform.create(image.secs));
  Bytes run;
  constexpr std::size_t kRunSizeMax = 4u << 20;
  for (std::size_t first = 0, next = 0; first < image.pages.size(); first = next) {
    run.clear();
    do append(run, image.pages[next++]);
    while (next < image.pages.size() && run.size() < kRunSizeMax &&
           joins(image.pages[next - 1], image.pages[next]));
    TRY(enclave->add_pages(image.pages[first].offset, run, image.pages[first].flags,
                           image.pages[first].measured != 0));
  }
  TRY(enclave->initialize(image.sigstruct));
  return enclave;
}

}  // namespace clemmys::enclave
