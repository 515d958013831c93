#include "kms/name_constraints.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "attest/openssl_types.h"

namespace clemmys::kms {
namespace {

namespace ossl = attest::ossl;
using Constraints = ossl::Owner<NAME_CONSTRAINTS, NAME_CONSTRAINTS_free>;
using Subtrees = STACK_OF(GENERAL_SUBTREE);

const Error kFailed{ErrorCode::kInternal, "kms.name_constraints"};

// add appends one name of `type` (GEN_DNS, GEN_IPADD) whose encoding is `bytes`.
Status add(Subtrees*& trees, int type, ByteView bytes) {
  if (trees == nullptr) trees = sk_GENERAL_SUBTREE_new_null();
  GENERAL_SUBTREE* tree = GENERAL_SUBTREE_new();
  ASN1_STRING* name = ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
  if (trees == nullptr || tree == nullptr || name == nullptr || sk_GENERAL_SUBTREE_push(trees, tree) == 0) {
    GENERAL_SUBTREE_free(tree);
    ASN1_STRING_free(name);
    return kFailed;
  }
  GENERAL_NAME_set0_value(tree->base, type, name);
  static constexpr std::uint8_t kNothing = 0;  // an empty name matches every name
  if (ASN1_STRING_set(name, bytes.empty() ? &kNothing : bytes.data(), static_cast<int>(bytes.size())) != 1)
    return kFailed;
  return {};
}

// single_address is an address and a mask of all ones.
Result<Bytes> single_address(const std::string& text) {
  const bool v6 = text.find(':') != std::string::npos;
  const std::size_t size = v6 ? 16 : 4;
  Bytes bytes(2 * size, 0xff);
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) != 1) return kFailed;
  return bytes;
}

}  // namespace

Status add_name_constraints(X509* certificate, const RootPolicy& policy) {
  const Constraints constraints(NAME_CONSTRAINTS_new());
  if (!constraints) return kFailed;
  for (const std::string& name : policy.dns_names)
    TRY(add(constraints->permittedSubtrees, GEN_DNS, as_bytes(name)));
  if (policy.dns_names.empty()) TRY(add(constraints->excludedSubtrees, GEN_DNS, {}));
  for (const std::string& address : policy.ip_addresses) {
    const Bytes bytes = TRY(single_address(address));
    TRY(add(constraints->permittedSubtrees, GEN_IPADD, bytes));
  }
  if (policy.ip_addresses.empty()) {
    TRY(add(constraints->excludedSubtrees, GEN_IPADD, Bytes(8)));
    TRY(add(constraints->excludedSubtrees, GEN_IPADD, Bytes(32)));
  }
  if (X509_add1_ext_i2d(certificate, NID_name_constraints, constraints.get(), 1, X509V3_ADD_DEFAULT) != 1)
    return kFailed;
  return {};
}

}  // namespace clemmys::kms
