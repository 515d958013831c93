// The image file. The input is a file as it is, or a record stream that a fresh key signs: a stream that the
// parser takes must be accepted once SIGSTRUCT names its measurement, and refused when one byte of it
// changes.
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

void add_page(Writer& out, std::uint64_t offset, sgx::SecinfoFlags flags) {
  out.raw(sgx::eadd_record(offset, flags));
  for (std::uint64_t at = 0; at < sgx::kPageSize; at += sgx::kExtendChunkSize) {
    out.raw(sgx::eextend_record(offset + at));
    out.raw(Bytes(sgx::kExtendChunkSize));
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  Writer small;
  small.raw(sgx::ecreate_record(1, 1 << 16));
  add_page(small, 0x1000, sgx::secinfo_tcs());
  small.raw(sgx::eadd_record(0x2000, sgx::secinfo_regular(3)));
  small.raw(sgx::unmeasured_record(0x2100));
  small.raw(Bytes(sgx::kExtendChunkSize, 7));
  return {tagged(kStream, small.bytes()), tagged(kFile, unsigned_file(small.bytes()))};
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
