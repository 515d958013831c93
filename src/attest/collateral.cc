#include "attest/collateral.h"

#include <array>

#include "attest/json_fields.h"

namespace clemmys::attest {
namespace {

struct Member {
  std::string_view name;
  std::string Collateral::* field;
  bool hex_in_json;
};
constexpr std::array<Member, 9> kMembers = {{
    {"pck_crl_issuer_chain", &Collateral::pck_crl_issuer_chain, false},
    {"root_ca_crl", &Collateral::root_ca_crl, true},
    {"pck_crl", &Collateral::pck_crl, true},
    {"tcb_info_issuer_chain", &Collateral::tcb_info_issuer_chain, false},
    {"tcb_info", &Collateral::tcb_info, false},
    {"tcb_info_signature", &Collateral::tcb_info_signature_hex, false},
    {"qe_identity_issuer_chain", &Collateral::qe_identity_issuer_chain, false},
    {"qe_identity", &Collateral::qe_identity, false},
    {"qe_identity_signature", &Collateral::qe_identity_signature_hex, false},
}};

}  // namespace

std::string collateral_to_json(const Collateral& collateral) {
  boost::json::object object;
  for (const Member& member : kMembers) {
    const std::string& value = collateral.*member.field;
    object[member.name] = member.hex_in_json ? to_hex(as_bytes(value)) : value;
  }
  return boost::json::serialize(object);
}

Result<Collateral> collateral_from_json(std::string_view text) {
  const Error corrupt{ErrorCode::kCorrupt, "attest.collateral.json"};
  const auto value = parse_json(text, "attest.collateral.json");
  if (!value || !value->is_object() || value->get_object().size() != kMembers.size()) return corrupt;
  JsonFields fields(&*value);
  Collateral collateral;
  for (const Member& member : kMembers) {
    const std::string_view field = fields.text(member.name);
    if (!member.hex_in_json) {
      collateral.*member.field = field;
      continue;
    }
    const auto der = from_hex(field);
    if (!der) return corrupt;
    collateral.*member.field = as_text(*der);
  }
  if (!fields.ok()) return corrupt;
  return collateral;
}

}  // namespace clemmys::attest
