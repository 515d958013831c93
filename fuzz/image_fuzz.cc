// The image file. The input is a file as it is, or a record stream that a fresh key signs: a stream that the
// parser takes must be accepted once SIGSTRUCT names its measurement, and refused when one byte of it
// changes.
#include <functional>

#include "base/codec.h"
#include "enclave/image.h"
#include "fuzz.h"
#include "sgx/measurement.h"
#include "sgx/sigstruct.h"

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t { kFile, kStream, kSelectors };

const sgx::SigningKey& key() {
  static const sgx::SigningKey kKey = sgx::SigningKey::generate().value();
  return kKey;
}

Bytes file_of(ByteView stream, const Measurement& measurement) {
  sgx::SigstructTerms terms;
  terms.measurement = measurement;
  terms.attributes = {sgx::kAttributeMode64, 7};
  sgx::Sigstruct sigstruct = sgx::sigstruct_of(terms);
  CHECK(sgx::sign_sigstruct(sigstruct, key()).has_value());
  Writer out;
  out.raw(stream);
  out.raw({reinterpret_cast<const std::uint8_t*>(&sigstruct), sizeof sigstruct});
  out.raw(as_bytes("CLMYSIMG"));
  out.u32(1);
  out.u64(stream.size());
  return out.take();
}

// unsigned_file costs no signature: good enough to learn whether the stream passes.
Bytes unsigned_file(ByteView stream) {
  static const Bytes kTail = file_of({}, {});
  Writer out;
  out.raw(stream);
  out.raw(ByteView(kTail).first(kTail.size() - 8));
  out.u64(stream.size());
  return out.take();
}

constexpr std::string_view kElsewhere = "SIGSTRUCT is for another measurement; this stream's is ";

void try_stream(ByteView stream) {
  const auto first = enclave::parse_image(unsigned_file(stream));
  CHECK(!first);
  const std::string& detail = first.error().detail;
  if (!detail.starts_with(kElsewhere)) return;
  const Measurement measurement =
      fixed_from_hex<Measurement>(std::string_view(detail).substr(kElsewhere.size())).value();
  const Bytes file = file_of(stream, measurement);
  const auto info = enclave::parse_image(file);
  CHECK(info && info->measurement == measurement && info->thread_count > 0);
  Bytes changed = file;
  changed[measurement.bytes[0] % stream.size()] ^= 1;
  CHECK(!enclave::parse_image(changed));
}

// Stream writes records, right ones or not; nothing checks the order.
class Stream {
 public:
  explicit Stream(std::uint64_t size = 1 << 16, std::uint32_t ssaframesize = 1) {
    create(size, ssaframesize);
  }
  Stream& create(std::uint64_t size, std::uint32_t ssaframesize = 1) {
    out_.raw(sgx::ecreate_record(ssaframesize, size));
    return *this;
  }
  Stream& add(std::uint64_t offset, sgx::SecinfoFlags flags) {
    out_.raw(sgx::eadd_record(offset, flags));
    return *this;
  }
  Stream& chunk(std::uint64_t offset, bool measured = true, std::uint8_t fill = 0) {
    out_.raw(measured ? sgx::eextend_record(offset) : sgx::unmeasured_record(offset));
    out_.raw(Bytes(sgx::kExtendChunkSize, fill));
    return *this;
  }
  Stream& page(std::uint64_t offset, sgx::SecinfoFlags flags, std::uint64_t chunks = 16) {
    add(offset, flags);
    for (std::uint64_t i = 0; i < chunks; ++i) chunk(offset + i * sgx::kExtendChunkSize);
    return *this;
  }
  Stream& thread(std::uint64_t offset = 0x1000) { return page(offset, sgx::secinfo_tcs()); }
  Stream& raw(ByteView bytes) {
    out_.raw(bytes);
    return *this;
  }
  ByteView bytes() const { return out_.bytes(); }

 private:
  Writer out_;
};

constexpr auto kRead = sgx::kSecinfoRead, kWrite = sgx::kSecinfoWrite, kExecute = sgx::kSecinfoExecute;

std::vector<Stream> valid_streams() {
  const auto data = sgx::secinfo_regular(kRead | kWrite), code = sgx::secinfo_regular(kRead | kExecute);
  return {
      Stream().thread(),
      Stream().thread().add(0x2000, data).chunk(0x2100, false, 7),
      Stream().page(0, code).thread(0x1000).page(0x2000, sgx::secinfo_regular(kRead)).add(0x3000, data),
      Stream(1 << 20, 16).thread().thread(0x3000).page(0x5000, code).add(0x8000, sgx::secinfo_regular(0)),
      Stream(1ull << 42).thread((1ull << 42) - sgx::kPageSize),
      Stream(2 * sgx::kPageSize).thread(),
  };
}

// Each breaks one rule of the parser (sgx/image.cc), or looks as if it did.
std::vector<Stream> hostile_streams() {
  const auto data = sgx::secinfo_regular(kRead | kWrite), code = sgx::secinfo_regular(kRead | kExecute);
  const auto tcs = sgx::secinfo_tcs();
  const auto changed = [](sgx::Record record, std::size_t at) {
    record[at] = 1;
    return Bytes(record.begin(), record.end());
  };
  return {
      Stream(),                     // no pages
      Stream().page(0x1000, data),  // no thread
      Stream(3 << 12).thread(),     // sizes
      Stream(1ull << 63).thread(),
      Stream(0).thread(),
      Stream(1 << 16, 0).thread(),
      Stream(1 << 16, 17).thread(),
      Stream().create(1 << 16).thread(),  // twice created
      Stream().thread(0x10000),
      Stream().thread(0x1800),  // outside, unaligned
      Stream().thread(~0xfffull),
      Stream().thread().thread(),
      Stream().thread(0x2000).page(0x1000, data),  // order
      Stream().thread().page(0x2000, sgx::secinfo_regular(kRead | kWrite | kExecute)),
      Stream().thread().page(0x2000, sgx::secinfo_regular(kWrite)),
      Stream().thread().add(0x2000, {0x0000}),  // a SECS, a VA page, and bits without meaning
      Stream().thread().add(0x2000, {0x0300}),
      Stream().thread().add(0x2000, {data.bits | 1ull << 63}),
      Stream().page(0x1000, {tcs.bits | kRead}),
      Stream().thread().page(0x2000, code, 15),
      Stream().thread().add(0x2000, code),  // measured in part
      Stream().add(0x1000, tcs).chunk(0x1000, false),
      Stream().thread().chunk(0x1000),
      Stream().thread().chunk(0x2000),  // content twice, outside its page
      Stream().chunk(0x1000).thread(),
      Stream().thread().chunk(0x1f80),
      Stream().thread().raw(changed(sgx::eadd_record(0x2000, data), 63)),  // reserved bytes
      Stream().thread().add(0x2000, data).raw(changed(sgx::eextend_record(0x2000), 32)).raw(Bytes(256)),
      Stream().thread().raw(Bytes(64, 'x')),  // unknown, cut off
      Stream().thread().raw(Bytes(63)),
      Stream().thread().add(0x2000, data).raw(sgx::eextend_record(0x2000)),
      Stream().thread().add(0x2000, data).raw(sgx::unmeasured_record(0x2000)).raw(Bytes(255)),
  };
}

Bytes file_with(ByteView stream, const std::function<void(Bytes&)>& change) {
  Bytes file = unsigned_file(stream);
  change(file);
  return tagged(kFile, file);
}

}  // namespace

std::vector<Bytes> seeds() {
  std::vector<Bytes> all;
  for (const auto& streams : {valid_streams(), hostile_streams()}) {
    for (const Stream& stream : streams) all.push_back(tagged(kStream, stream.bytes()));
  }
  const Stream small = std::move(Stream().thread());
  const std::size_t signature = small.bytes().size();
  all.push_back(file_with(small.bytes(), [](Bytes&) {}));
  for (const std::size_t from_end : {1u, 8u, 12u, 20u})  // size of the stream, version, magic
    all.push_back(file_with(small.bytes(), [&](Bytes& file) { file[file.size() - from_end] ^= 0x80; }));
  for (const std::size_t field :
       {0u, 24u, 128u, 512u, 516u, 900u, 1040u})  // header, vendor, key, exponent, …
    all.push_back(file_with(small.bytes(), [&](Bytes& file) { file[signature + field] ^= 1; }));
  all.push_back(file_with(small.bytes(), [](Bytes& file) { file.resize(file.size() / 2); }));
  all.push_back(
      file_with(small.bytes(), [](Bytes& file) { file.insert(file.end(), file.begin(), file.end()); }));
  all.push_back(file_with({}, [](Bytes&) {}));
  return all;
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  if (data[0] % kSelectors == kStream)
    try_stream(input);
  else
    CHECK(!clemmys::enclave::parse_image(input));
  return 0;
}
