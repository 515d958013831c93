#include "attest/software/issue.h"

#include <openssl/conf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace clemmys::attest::software {
namespace {

const Error kFailed{ErrorCode::kInternal, "attest.software.issue"};

// Names as the verifier expects them of the software root (verifier.cc).
constexpr const char* kNames[] = {"Software SGX Root CA", "Software SGX PCK Processor CA",
                                  "Software SGX PCK Certificate", "Software SGX TCB Signing"};
constexpr char kOrganization[] = "Clemmys software SGX (protects nothing from this machine)";

using Extension = ossl::Owner<X509_EXTENSION, X509_EXTENSION_free>;
using Integer = ossl::Owner<ASN1_INTEGER, ASN1_INTEGER_free>;
using Time = ossl::Owner<ASN1_TIME, ASN1_TIME_free>;

Integer random_serial() {
  std::array<std::uint8_t, 20> bytes{};
  CHECK(RAND_bytes(bytes.data(), bytes.size()) == 1);
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x7f) |
                                       0x40);  // positive, and always 20 bytes (RFC 5280, 4.1.2.2)
  const ossl::Number number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return Integer(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

Time time_of(std::uint64_t unix_s) { return Time(ASN1_TIME_set(nullptr, static_cast<time_t>(unix_s))); }

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// sgx_extension_text is OpenSSL's text form (ASN1_generate_nconf(3)) of the extension; its layout: pck.h.
std::string sgx_extension_text(const PckFields& platform) {
  const std::string oid(kSgxExtensionOid);
  std::string top = "[sgx]\n", tcb = "[tcb]\n", pairs;
  int count = 0;
  const auto add = [&](std::string& section, const std::string& arc, const std::string& value) {
    const std::string name = "p" + std::to_string(count++);
    section += name + "=SEQUENCE:" + name + "\n";
    pairs += "[" + name + "]\na=OID:" + oid + "." + arc + "\nb=" + value + "\n";
  };
  const auto octets = [](ByteView bytes) { return "FORMAT:HEX,OCTETSTRING:" + to_hex(bytes); };
  add(top, "1", octets(Bytes(16)));  // PPID: a software machine has none
  add(top, "2", "SEQUENCE:tcb");
  for (std::size_t i = 0; i < 16; ++i) {
    add(tcb, "2." + std::to_string(i + 1), "INTEGER:" + std::to_string(platform.components[i]));
  }
  add(tcb, "2.17", "INTEGER:" + std::to_string(platform.pcesvn));
  add(tcb, "2.18", octets(platform.components));
  add(top, "3", octets(platform.pceid.view()));
  add(top, "4", octets(platform.fmspc.view()));
  add(top, "5", "ENUMERATED:0");
  return top + tcb + pairs;
}

bool add_sgx_extension(X509* certificate, const PckFields& platform) {
  const std::string text = sgx_extension_text(platform);
  const ossl::Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const ossl::Owner<CONF, NCONF_free> config(NCONF_new(nullptr));
  long line = 0;
  if (NCONF_load_bio(config.get(), bio.get(), &line) != 1) return false;
  const ossl::Owner<ASN1_TYPE, ASN1_TYPE_free> value(ASN1_generate_nconf("SEQUENCE:sgx", config.get()));
  const ossl::Owner<ASN1_OBJECT, ASN1_OBJECT_free> oid(OBJ_txt2obj(kSgxExtensionOid, 1));
  const ossl::Owner<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> octets(ASN1_OCTET_STRING_new());
  if (!value || !oid || !octets) return false;
  const ASN1_STRING* sequence = value->value.sequence;
  if (ASN1_OCTET_STRING_set(octets.get(), ASN1_STRING_get0_data(sequence), ASN1_STRING_length(sequence)) != 1)
    return false;
  const Extension extension(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, octets.get()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool add_extensions(X509* certificate, X509* issuer, Profile profile, const PckFields& platform) {
  const char* constraints = profile == Profile::kRoot          ? "critical,CA:TRUE,pathlen:1"
                            : profile == Profile::kProcessorCa ? "critical,CA:TRUE,pathlen:0"
                                                               : "critical,CA:FALSE";
  const bool authority = profile == Profile::kRoot || profile == Profile::kProcessorCa;
  bool ok = add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
            add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
            add_extension(
                certificate, issuer, NID_key_usage,
                authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature,nonRepudiation") &&
            add_extension(certificate, issuer, NID_basic_constraints, constraints);
  if (profile == Profile::kPck) ok = ok && add_sgx_extension(certificate, platform);
  return ok;
}

bool set_name(X509_NAME* name, const char* common_name) {
  const auto* common = reinterpret_cast<const unsigned char*>(common_name);
  const auto* organization = reinterpret_cast<const unsigned char*>(kOrganization);
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, common, -1, -1, 0) == 1 &&
         X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8, organization, -1, -1, 0) == 1;
}

}  // namespace

Result<Credential> issue_certificate(Profile profile, const Credential* issuer, const PckFields& platform,
                                     Validity validity) {
  ossl::ClearErrors clear;
  P256Key key = TRY(P256Key::generate());
  ossl::Certificate certificate(X509_new());
  X509* made = certificate.get();
  X509* signer = issuer != nullptr ? issuer->certificate.get() : made;
  const P256Key& signing_key = issuer != nullptr ? issuer->key : key;
  const bool ok = made != nullptr && X509_set_version(made, X509_VERSION_3) == 1 &&
                  X509_set_serialNumber(made, random_serial().get()) == 1 &&
                  X509_set1_notBefore(made, time_of(validity.not_before_unix_s).get()) == 1 &&
                  X509_set1_notAfter(made, time_of(validity.not_after_unix_s).get()) == 1 &&
                  set_name(X509_get_subject_name(made), kNames[static_cast<std::size_t>(profile)]) &&
                  X509_set_issuer_name(made, X509_get_subject_name(signer)) == 1 &&
                  X509_set_pubkey(made, key.native()) == 1 &&
                  add_extensions(made, signer, profile, platform) &&
                  X509_sign(made, signing_key.native(), EVP_sha256()) > 0;
  if (!ok) return kFailed;
  return Credential{std::move(key), std::move(certificate)};
}

Result<std::string> issue_crl(const Credential& issuer, const std::vector<X509*>& revoked,
                              Validity validity) {
  ossl::ClearErrors clear;
  const ossl::Crl crl(X509_CRL_new());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.certificate.get(), nullptr, nullptr, crl.get(), 0);
  const Extension authority(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  const Integer number(ASN1_INTEGER_new());
  bool ok = crl && authority && ASN1_INTEGER_set_uint64(number.get(), validity.not_before_unix_s) == 1 &&
            X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
            X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.get())) == 1 &&
            X509_CRL_set1_lastUpdate(crl.get(), time_of(validity.not_before_unix_s).get()) == 1 &&
            X509_CRL_set1_nextUpdate(crl.get(), time_of(validity.not_after_unix_s).get()) == 1 &&
            X509_CRL_add_ext(crl.get(), authority.get(), -1) == 1 &&
            X509_CRL_add1_ext_i2d(crl.get(), NID_crl_number, number.get(), 0, 0) == 1;
  for (X509* certificate : revoked) {
    ossl::Owner<X509_REVOKED, X509_REVOKED_free> entry(X509_REVOKED_new());
    ok = ok && X509_REVOKED_set_serialNumber(entry.get(), X509_get_serialNumber(certificate)) == 1 &&
         X509_REVOKED_set_revocationDate(entry.get(), time_of(validity.not_before_unix_s).get()) == 1 &&
         X509_CRL_add0_revoked(crl.get(), entry.get()) == 1;
    if (ok) static_cast<void>(entry.release());  // NOLINT(bugprone-unused-return-value): the list owns it now
  }
  ok = ok && X509_CRL_sort(crl.get()) == 1 && X509_CRL_sign(crl.get(), issuer.key.native(), EVP_sha256()) > 0;
  unsigned char* der = nullptr;
  const int size = ok ? i2d_X509_CRL(crl.get(), &der) : 0;
  if (size <= 0) return kFailed;
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

std::string pem_of(X509* certificate) {
  const ossl::Bio bio(BIO_new(BIO_s_mem()));
  CHECK(bio && PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace clemmys::attest::software
