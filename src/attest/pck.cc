#include "attest/pck.h"

#include <map>
#include <string>

#include "attest/openssl_types.h"

namespace clemmys::attest {
namespace {

const Error kMalformed{ErrorCode::kDenied, "attest.pck.extension",
                       "the SGX extension is absent or malformed"};

ossl::Asn1Sequence sequence_of(const ASN1_STRING* der) {
  const unsigned char* begin = ASN1_STRING_get0_data(der);
  const unsigned char* cursor = begin;
  ossl::Asn1Sequence sequence(d2i_ASN1_SEQUENCE_ANY(nullptr, &cursor, ASN1_STRING_length(der)));
  if (sequence && cursor != begin + ASN1_STRING_length(der)) sequence.reset();
  return sequence;
}

// Entries maps the last arc of each member's OID to its value; members are SEQUENCE { OID, value }.
using Entries = std::map<int, ossl::Owner<ASN1_TYPE, ASN1_TYPE_free>>;

Result<Entries> entries_of(const ASN1_STRING* der, const std::string& prefix) {
  const ossl::Asn1Sequence sequence = sequence_of(der);
  if (!sequence) return kMalformed;
  Entries entries;
  for (int i = 0; i < sk_ASN1_TYPE_num(sequence.get()); ++i) {
    const ASN1_TYPE* member = sk_ASN1_TYPE_value(sequence.get(), i);
    if (ASN1_TYPE_get(member) != V_ASN1_SEQUENCE) return kMalformed;
    const ossl::Asn1Sequence pair = sequence_of(member->value.sequence);
    if (!pair || sk_ASN1_TYPE_num(pair.get()) != 2) return kMalformed;
    const ASN1_TYPE* name = sk_ASN1_TYPE_value(pair.get(), 0);
    if (ASN1_TYPE_get(name) != V_ASN1_OBJECT) return kMalformed;
    std::array<char, 80> text{};
    if (OBJ_obj2txt(text.data(), text.size(), name->value.object, 1) >= static_cast<int>(text.size()))
      return kMalformed;
    const std::string_view oid(text.data());
    if (!oid.starts_with(prefix)) return kMalformed;
    const std::string_view last = oid.substr(prefix.size());
    if (last.empty() || last.size() > 3 || last.find_first_not_of("0123456789") != last.npos)
      return kMalformed;
    ossl::Owner<ASN1_TYPE, ASN1_TYPE_free> value(sk_ASN1_TYPE_pop(pair.get()));
    if (!entries.emplace(std::stoi(std::string(last)), std::move(value)).second) return kMalformed;
  }
  return entries;
}

template <typename Fixed>
Result<Fixed> octets(const Entries& entries, int arc) {
  const auto found = entries.find(arc);
  if (found == entries.end() || ASN1_TYPE_get(found->second.get()) != V_ASN1_OCTET_STRING) return kMalformed;
  const ASN1_STRING* value = found->second->value.octet_string;
  auto fixed =
      Fixed::from({ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))});
  if (!fixed) return kMalformed;
  return fixed;
}

Result<std::uint16_t> integer(const Entries& entries, int arc, std::uint64_t value_max) {
  const auto found = entries.find(arc);
  std::uint64_t value = 0;
  if (found == entries.end() || ASN1_TYPE_get(found->second.get()) != V_ASN1_INTEGER ||
      ASN1_INTEGER_get_uint64(&value, found->second->value.integer) != 1 || value > value_max) {
    return kMalformed;
  }
  return static_cast<std::uint16_t>(value);
}

}  // namespace

Result<PckFields> pck_fields(X509* certificate) {
  ossl::ClearErrors clear;
  const ossl::Owner<ASN1_OBJECT, ASN1_OBJECT_free> oid(OBJ_txt2obj(kSgxExtensionOid, 1));
  const int index = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
  if (index < 0 || X509_get_ext_by_OBJ(certificate, oid.get(), index) >= 0) return kMalformed;
  const std::string prefix = std::string(kSgxExtensionOid) + ".";
  const Entries all = TRY(entries_of(X509_EXTENSION_get_data(X509_get_ext(certificate, index)), prefix));
  const auto tcb = all.find(2);
  if (tcb == all.end() || ASN1_TYPE_get(tcb->second.get()) != V_ASN1_SEQUENCE) return kMalformed;
  const Entries levels = TRY(entries_of(tcb->second->value.sequence, prefix + "2."));

  PckFields fields;
  for (std::size_t i = 0; i < fields.components.size(); ++i) {
    fields.components[i] = static_cast<std::uint8_t>(TRY(integer(levels, static_cast<int>(i + 1), 0xff)));
  }
  fields.pcesvn = TRY(integer(levels, 17, 0xffff));
  fields.pceid = TRY(octets<PceId>(all, 3));
  fields.fmspc = TRY(octets<Fmspc>(all, 4));
  return fields;
}

}  // namespace clemmys::attest
