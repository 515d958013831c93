#include "attest/quoting/quoting_enclave.h"

#include <algorithm>

#include "attest/quoting/sealed_key.h"
#include "attest/report_mac.h"

namespace clemmys::attest {
namespace {

// Bound into the QE report next to the key; tells whose quoting enclave this is.
constexpr std::string_view kAuthenticationData = "clemmys quoting enclave 1";

template <typename Structure>
Bytes bytes_from(const Structure& structure) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&structure);
  return {begin, begin + sizeof structure};
}

template <typename Structure>
Result<Structure> structure_from(ByteView bytes) {
  if (bytes.size() != sizeof(Structure)) return Error{ErrorCode::kInvalid, "attest.quoting.size"};
  Structure structure;
  std::memcpy(&structure, bytes.data(), sizeof structure);
  return structure;
}

}  // namespace

QuotingEnclave::QuotingEnclave(std::unique_ptr<ReportDevice> device, QuoteMaker maker,
                               const sgx::ReportBody& self)
    : device_(std::move(device)), maker_(std::move(maker)), self_(self) {}

Result<QuotingEnclave> QuotingEnclave::start(std::unique_ptr<ReportDevice> device,
                                             const std::string& sealed_key_path) {
  const Secret<16> sealing_key = TRY(device->seal_key());
  QuoteMaker maker(TRY(load_or_make_key(sealed_key_path, sealing_key)), to_bytes(kAuthenticationData));
  const sgx::Report self = TRY(device->report(sgx::TargetInfo{}, maker.qe_report_data()));
  return QuotingEnclave(std::move(device), std::move(maker), self.body);
}

Bytes QuotingEnclave::answer(ByteView request) {
  auto result = serve(request);
  if (!result) return {static_cast<std::uint8_t>(result.error().code)};
  result->insert(result->begin(), 0);
  return std::move(*result);
}

Result<Bytes> QuotingEnclave::serve(ByteView request) {
  if (request.empty()) return Error{ErrorCode::kInvalid, "attest.quoting.request"};
  const ByteView payload = request.subspan(1);
  switch (static_cast<QuoteRequest>(request[0])) {
    case QuoteRequest::kTargetInfo:
      if (!payload.empty()) return Error{ErrorCode::kInvalid, "attest.quoting.size"};
      return target_info();
    case QuoteRequest::kQuote:
      return quote(payload);
    case QuoteRequest::kOwnReport:
      return own_report(payload);
    case QuoteRequest::kCertification:
      return certification(payload);
  }
  return Error{ErrorCode::kUnsupported, "attest.quoting.kind"};
}

Bytes QuotingEnclave::target_info() const {
  sgx::TargetInfo target{};
  std::ranges::copy(self_.mrenclave, target.measurement);
  target.attributes = self_.attributes;
  target.cet_attributes = self_.cet_attributes;
  target.configsvn = self_.configsvn;
  target.miscselect = self_.miscselect;
  std::ranges::copy(self_.configid, target.configid);
  return bytes_from(target);
}

Result<Bytes> QuotingEnclave::quote(ByteView report_bytes) {
  const auto report = TRY(structure_from<sgx::Report>(report_bytes));
  const auto key_id = TRY(ReportKeyId::from(report.keyid));
  const Secret<16> key = TRY(device_->report_key(key_id));
  TRY(check_report_mac(report, key));
  return maker_.quote(report.body);
}

Result<Bytes> QuotingEnclave::own_report(ByteView target_bytes) {
  const auto target = TRY(structure_from<sgx::TargetInfo>(target_bytes));
  return bytes_from(TRY(device_->report(target, maker_.qe_report_data())));
}

// A wrong certification makes quotes that nobody accepts: the host could as well refuse service. So nothing
// is checked here.
Result<Bytes> QuotingEnclave::certification(ByteView payload) {
  if (payload.size() <= P256Signature::kSize) return Error{ErrorCode::kInvalid, "attest.quoting.size"};
  const P256Signature signature = TRY(P256Signature::from(payload.first(P256Signature::kSize)));
  TRY(maker_.certify(self_, signature, to_bytes(payload.subspan(P256Signature::kSize))));
  return Bytes{};
}

}  // namespace clemmys::attest
