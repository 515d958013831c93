#include "attest/tcb.h"

#include "attest/json_fields.h"

namespace clemmys::attest {
namespace {

namespace json = boost::json;

Error denied(std::string_view site, std::string detail) {
  return {ErrorCode::kDenied, site, std::move(detail)};
}

// check_head checks the members that both documents begin with, and gives the time in which they count.
Result<Window> check_head(JsonFields& fields, std::string_view id, std::uint64_t version,
                          std::uint64_t now_unix_s, std::string_view site) {
  if (fields.text("id") != id || fields.number("version", 0xffff) != version)
    return denied(site, "wrong document or version");
  const std::uint64_t issued = TRY(unix_from_date(fields.text("issueDate")));
  const std::uint64_t next = TRY(unix_from_date(fields.text("nextUpdate")));
  if (now_unix_s < issued) return denied(site, "issued in the future");
  if (now_unix_s > next) return denied(site, "out of date: fetch new collateral");
  return Window{issued, next + 1};
}

Result<Judgement> judgement_of(JsonFields& level, const Window& window, std::string_view site) {
  Judgement judgement;
  judgement.window = window;
  judgement.status = TRY(tcb_status_from_name(level.text("tcbStatus")));
  if (level.has("advisoryIDs")) {
    for (const json::value& advisory : level.list("advisoryIDs")) {
      const json::string* text = advisory.if_string();
      if (text == nullptr) return denied(site, "malformed advisory");
      judgement.advisories.emplace_back(*text);
    }
  }
  if (!level.ok()) return denied(site, "malformed level");
  if (judgement.status == TcbStatus::kRevoked) return denied(site, "this TCB level is revoked");
  return judgement;
}

// reaches says whether the platform is at least at this level; sets ok to false when the level is malformed.
bool reaches(const PckFields& platform, JsonFields tcb, bool& ok) {
  const json::array& components = tcb.list("sgxtcbcomponents");
  const std::uint64_t pcesvn = tcb.number("pcesvn", 0xffff);
  bool reached = platform.pcesvn >= pcesvn;
  ok = tcb.ok() && components.size() == platform.components.size();
  for (std::size_t i = 0; ok && i < platform.components.size(); ++i) {
    JsonFields component(&components[i]);
    reached = platform.components[i] >= component.number("svn", 0xff) && reached;
    ok = component.ok();
  }
  return ok && reached;
}

template <typename Fixed>
bool equal_masked(const Fixed& left, const Fixed& right, const Fixed& mask) {
  bool equal = true;
  for (std::size_t i = 0; i < Fixed::kSize; ++i)
    equal = equal && ((left.bytes[i] ^ right.bytes[i]) & mask.bytes[i]) == 0;
  return equal;
}

using MiscText = FixedBytes<4, struct MiscTextTag>;
using AttributesText = FixedBytes<16, struct AttributesTextTag>;

// copy_field is the memory image of a REPORT field: for ATTRIBUTES, PCS writes the bytes as they lie in
// memory.
template <typename Fixed, typename Field>
Fixed copy_field(const Field& field) {
  static_assert(sizeof field == Fixed::kSize);
  Fixed copy;
  std::memcpy(copy.bytes.data(), &field, sizeof field);
  return copy;
}

// MISCSELECT is written as a number: most significant byte first.
MiscText misc_of(std::uint32_t value) {
  MiscText text;
  for (std::size_t i = 0; i < 4; ++i) text.bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return text;
}

}  // namespace

Result<Judgement> judge_platform(std::string_view tcb_info, const PckFields& platform,
                                 std::uint64_t now_unix_s) {
  constexpr std::string_view kSite = "attest.tcb_info";
  const json::value root = TRY(parse_json(tcb_info, kSite));
  JsonFields fields(&root);
  const Window window = TRY(check_head(fields, "SGX", 3, now_unix_s, kSite));
  const Fmspc fmspc = fields.hex<Fmspc>("fmspc");
  const PceId pceid = fields.hex<PceId>("pceId");
  if (fields.number("tcbType", 0xffff) != 0 || !fields.ok()) return denied(kSite, "malformed");
  if (fmspc != platform.fmspc || pceid != platform.pceid)
    return denied("attest.tcb_info.platform", "for another kind of platform");
  for (const json::value& entry : fields.list("tcbLevels")) {
    JsonFields level(&entry);
    bool ok = true;
    const bool reached = reaches(platform, level.object("tcb"), ok);
    if (!ok) return denied(kSite, "malformed level");
    if (reached) return judgement_of(level, window, "attest.tcb_info.level");
  }
  return denied("attest.tcb_info.level", "the platform reaches no TCB level");
}

Result<Judgement> judge_quoting_enclave(std::string_view qe_identity, const sgx::ReportBody& report,
                                        std::uint64_t now_unix_s) {
  constexpr std::string_view kSite = "attest.qe_identity";
  const json::value root = TRY(parse_json(qe_identity, kSite));
  JsonFields fields(&root);
  const Window window = TRY(check_head(fields, "QE", 2, now_unix_s, kSite));
  const auto misc = fields.hex<MiscText>("miscselect"), misc_mask = fields.hex<MiscText>("miscselectMask");
  const auto attributes = fields.hex<AttributesText>("attributes"),
             attributes_mask = fields.hex<AttributesText>("attributesMask");
  const auto signer = fields.hex<SignerId>("mrsigner");
  const std::uint64_t product_id = fields.number("isvprodid", 0xffff);
  const json::array& levels = fields.list("tcbLevels");
  if (!fields.ok()) return denied(kSite, "malformed");

  if (copy_field<SignerId>(report.mrsigner) != signer || report.isvprodid != product_id) {
    return denied("attest.qe_identity.signer", "not this quoting enclave");
  }
  if (!equal_masked(misc_of(report.miscselect), misc, misc_mask))
    return denied("attest.qe_identity.miscselect", "differs");
  if (!equal_masked(copy_field<AttributesText>(report.attributes), attributes, attributes_mask)) {
    return denied("attest.qe_identity.attributes", "differ, for example: a debug enclave");
  }
  for (const json::value& entry : levels) {
    JsonFields level(&entry);
    JsonFields tcb = level.object("tcb");
    const std::uint64_t security_version = tcb.number("isvsvn", 0xffff);
    if (!tcb.ok()) return denied(kSite, "malformed level");
    if (report.isvsvn >= security_version) return judgement_of(level, window, "attest.qe_identity.level");
  }
  return denied("attest.qe_identity.level", "the quoting enclave reaches no level");
}

}  // namespace clemmys::attest
