#include "attest/quote.h"

#include "base/codec.h"

namespace clemmys::attest {
namespace {

constexpr std::string_view kSite = "attest.quote.parse";

sgx::ReportBody read_report(Reader& reader) {
  sgx::ReportBody body{};
  const ByteView field = reader.raw(sizeof body);
  if (!field.empty()) std::memcpy(&body, field.data(), sizeof body);
  return body;
}

void write_signed(Writer& writer, const Quote& quote) {
  writer.u16(kQuoteVersion);
  writer.u16(kAttestationKeyEcdsaP256);
  writer.u32(0);
  writer.u16(quote.qe_svn);
  writer.u16(quote.pce_svn);
  writer.fixed(quote.vendor);
  writer.fixed(quote.user_data);
  writer.raw(bytes_of(quote.report));
}

}  // namespace

ByteView bytes_of(const sgx::ReportBody& body) {
  return {reinterpret_cast<const std::uint8_t*>(&body), sizeof body};
}

Result<Quote> parse_quote(ByteView bytes) {
  if (bytes.size() > kQuoteSizeMax) return Error{ErrorCode::kCorrupt, "attest.quote.size"};
  Reader reader(bytes);
  Quote quote;
  if (reader.u16() != kQuoteVersion) return Error{ErrorCode::kCorrupt, "attest.quote.version"};
  if (reader.u16() != kAttestationKeyEcdsaP256) return Error{ErrorCode::kCorrupt, "attest.quote.key_type"};
  if (reader.u32() != 0) return Error{ErrorCode::kCorrupt, "attest.quote.reserved"};
  quote.qe_svn = reader.u16();
  quote.pce_svn = reader.u16();
  quote.vendor = reader.fixed<VendorId>();
  quote.user_data = reader.fixed<decltype(quote.user_data)>();
  quote.report = read_report(reader);
  const std::uint32_t signature_size = reader.u32();
  if (!reader.ok() || signature_size != reader.rest().size())
    return Error{ErrorCode::kCorrupt, "attest.quote.signature_size"};
  quote.signature = reader.fixed<P256Signature>();
  quote.attestation_key = reader.fixed<P256Public>();
  quote.qe_report = read_report(reader);
  quote.qe_report_signature = reader.fixed<P256Signature>();
  const std::uint16_t authentication_size = reader.u16();
  if (authentication_size > kAuthenticationDataSizeMax)
    return Error{ErrorCode::kCorrupt, "attest.quote.authentication_size"};
  quote.authentication_data = to_bytes(reader.raw(authentication_size));
  if (reader.u16() != kCertificationPckChain)
    return Error{ErrorCode::kCorrupt, "attest.quote.certification_type"};
  quote.certification = to_bytes(reader.blob(kQuoteSizeMax));
  if (auto status = reader.finish(kSite); !status) return status.error();
  return quote;
}

Bytes signed_part(const Quote& quote) {
  Writer writer;
  write_signed(writer, quote);
  return writer.take();
}

Bytes serialize_quote(const Quote& quote) {
  Writer signature;
  signature.fixed(quote.signature);
  signature.fixed(quote.attestation_key);
  signature.raw(bytes_of(quote.qe_report));
  signature.fixed(quote.qe_report_signature);
  signature.u16(static_cast<std::uint16_t>(quote.authentication_data.size()));
  signature.raw(quote.authentication_data);
  signature.u16(kCertificationPckChain);
  signature.blob(quote.certification);
  Writer writer;
  write_signed(writer, quote);
  writer.blob(signature.bytes());
  return writer.take();
}

Digest attestation_key_digest(const Quote& quote) {
  return sha256(quote.attestation_key.view(), quote.authentication_data);
}

}  // namespace clemmys::attest
