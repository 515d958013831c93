// openssl_types.h: owners for the OpenSSL objects of this folder, and its errors as ours. For .cc files only.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>

#include "base/result.h"

namespace clemmys::attest::ossl {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owner = std::unique_ptr<T, Deleter<Free>>;

using Pkey = Owner<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = Owner<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Owner<EVP_MD_CTX, EVP_MD_CTX_free>;
using Signature = Owner<ECDSA_SIG, ECDSA_SIG_free>;
using Number = Owner<BIGNUM, BN_clear_free>;
using Parameters = Owner<OSSL_PARAM, OSSL_PARAM_free>;
using ParameterBuilder = Owner<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Certificate = Owner<X509, X509_free>;
using Crl = Owner<X509_CRL, X509_CRL_free>;
using Store = Owner<X509_STORE, X509_STORE_free>;
using StoreContext = Owner<X509_STORE_CTX, X509_STORE_CTX_free>;
using Bio = Owner<BIO, BIO_free_all>;

inline void free_asn1_sequence(ASN1_SEQUENCE_ANY* sequence) {
  sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
}
using Asn1Sequence = Owner<ASN1_SEQUENCE_ANY, free_asn1_sequence>;

// ClearErrors empties OpenSSL's per-thread error queue at the end of a scope, so that no failure leaks into
// later callers.
struct ClearErrors {
  ClearErrors() = default;
  ClearErrors(const ClearErrors&) = delete;
  ClearErrors& operator=(const ClearErrors&) = delete;
  ~ClearErrors() { ERR_clear_error(); }
};

}  // namespace clemmys::attest::ossl
