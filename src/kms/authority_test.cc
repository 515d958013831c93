// authority_test.cc: judged by OpenSSL's own verification, as a client's would.
#include "kms/authority.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "attest/openssl_types.h"

namespace clemmys::kms {
namespace {

namespace ossl = attest::ossl;
using Request = ossl::Owner<X509_REQ, X509_REQ_free>;
constexpr std::uint64_t kNowMs = 1'800'000'000'000;

RootPolicy policy(std::vector<std::string> names = {"faas.example"},
                  std::vector<std::string> addresses = {"127.0.0.1"}) {
  RootPolicy result;
  result.digest = crypto::sha256(as_bytes("policy"));
  result.dns_names = std::move(names);
  result.ip_addresses = std::move(addresses);
  return result;
}

// csr asks for a name that is not the policy's: it must not come back.
Bytes csr(EVP_PKEY* key, EVP_PKEY* signer) {
  Request request(X509_REQ_new());
  X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("bank.example"), -1, -1, 0);
  X509_REQ_set_pubkey(request.get(), key);
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  sk_X509_EXTENSION_push(extensions,
                         X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:bank.example"));
  sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "CA:TRUE"));
  X509_REQ_add_extensions(request.get(), extensions);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  X509_REQ_sign(request.get(), signer, EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

ossl::Certificate parse(ByteView der) {
  const unsigned char* cursor = der.data();
  return ossl::Certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
}

// verify judges `leaf` as a TLS server certificate for `host` at `now_ms`.
int verify(X509* leaf, X509* ca, const char* host, std::uint64_t now_ms) {
  ossl::Store store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), ca);
  ossl::StoreContext context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(now_ms / 1000));
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  if (host[0] >= '0' && host[0] <= '9') {
    X509_VERIFY_PARAM_set1_ip_asc(parameters, host);
  } else {
    X509_VERIFY_PARAM_set1_host(parameters, host, 0);
  }
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

struct Made {
  Authority authority;
  ossl::Certificate ca;
};
Made make(const RootPolicy& root_policy) {
  const auto deployment = make_deployment(root_policy, kNowMs);
  return {*Authority::open(*deployment, root_policy), parse(deployment->ca_certificate)};
}

TEST(Authority, CertifiesTheKeyUnderThePolicysNamesForAnHour) {
  const auto made = make(policy());
  const ossl::Pkey key(EVP_EC_gen("P-256"));
  const auto chain = made.authority.sign_csr(csr(key.get(), key.get()), kNowMs);
  ASSERT_TRUE(chain) << to_string(chain.error());
  const auto leaf = parse(chain->certificates_der.at(0));
  EXPECT_EQ(verify(leaf.get(), made.ca.get(), "faas.example", kNowMs), X509_V_OK);
  EXPECT_EQ(verify(leaf.get(), made.ca.get(), "127.0.0.1", kNowMs), X509_V_OK);
  EXPECT_EQ(verify(leaf.get(), made.ca.get(), "127.0.0.2", kNowMs), X509_V_ERR_IP_ADDRESS_MISMATCH);
  EXPECT_EQ(verify(leaf.get(), made.ca.get(), "faas.example", kNowMs + 3'599'000), X509_V_OK);
  EXPECT_EQ(verify(leaf.get(), made.ca.get(), "faas.example", kNowMs + 3'601'000),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(leaf.get()), key.get()), 1);
}

TEST(Authority, TakesNoNameAndNoRightFromTheRequest) {
  const auto made = make(policy());
  const ossl::Pkey key(EVP_EC_gen("P-256"));
  const auto leaf = parse(made.authority.sign_csr(csr(key.get(), key.get()), kNowMs)->certificates_der.at(0));
  EXPECT_EQ(verify(leaf.get(), made.ca.get(), "bank.example", kNowMs), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(X509_check_ca(leaf.get()), 0);
}

TEST(Authority, ConstrainsItsOwnCertificateToThePolicysNames) {
  for (const auto& [names, addresses] :
       {std::pair<std::vector<std::string>, std::vector<std::string>>{{"faas.example"}, {}},
        {{}, {"127.0.0.1"}},
        {{"faas.example"}, {"::1", "10.0.0.1"}}}) {
    // An authority with the same key that wants to certify other names: clients refuse, whoever holds the
    // key.
    const RootPolicy honest = policy(names, addresses);
    const auto deployment = make_deployment(honest, kNowMs);
    ASSERT_TRUE(deployment) << to_string(deployment.error());
    const auto ca = parse(deployment->ca_certificate);
    ASSERT_GE(X509_get_ext_by_NID(ca.get(), NID_name_constraints, -1), 0);
    EXPECT_EQ(X509_EXTENSION_get_critical(
                  X509_get_ext(ca.get(), X509_get_ext_by_NID(ca.get(), NID_name_constraints, -1))),
              1);
    const ossl::Pkey key(EVP_EC_gen("P-256"));
    for (const RootPolicy& wanted : {policy({"bank.example"}, {}), policy({}, {"192.0.2.1"})}) {
      const Authority evil = *Authority::open(*deployment, wanted);
      const auto leaf = parse(evil.sign_csr(csr(key.get(), key.get()), kNowMs)->certificates_der.at(0));
      const int error =
          verify(leaf.get(), ca.get(), wanted.dns_names.empty() ? "192.0.2.1" : "bank.example", kNowMs);
      EXPECT_TRUE(error == X509_V_ERR_PERMITTED_VIOLATION || error == X509_V_ERR_EXCLUDED_VIOLATION) << error;
    }
  }
}

TEST(Authority, RefusesRequestsThatAreNotSignedByTheirKey) {
  const auto made = make(policy());
  const ossl::Pkey key(EVP_EC_gen("P-256")), other(EVP_EC_gen("P-256"));
  EXPECT_EQ(made.authority.sign_csr(csr(key.get(), other.get()), kNowMs).error().code, ErrorCode::kInvalid);
}

TEST(Authority, RefusesOtherKeysAndMalformedRequests) {
  const auto made = make(policy());
  const ossl::Pkey rsa(EVP_RSA_gen(2048)), p384(EVP_EC_gen("P-384")), key(EVP_EC_gen("P-256"));
  EXPECT_FALSE(made.authority.sign_csr(csr(rsa.get(), rsa.get()), kNowMs));
  EXPECT_FALSE(made.authority.sign_csr(csr(p384.get(), p384.get()), kNowMs));
  Bytes trailing = csr(key.get(), key.get());
  trailing.push_back(0);
  EXPECT_FALSE(made.authority.sign_csr(trailing, kNowMs));
  EXPECT_FALSE(made.authority.sign_csr({}, kNowMs));
  EXPECT_FALSE(made.authority.sign_csr(Bytes(5000, 0x30), kNowMs));
}

}  // namespace
}  // namespace clemmys::kms
