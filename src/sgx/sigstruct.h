// sigstruct.h: makes and checks SIGSTRUCT, the signer's word for one measurement (RSA-3072, exponent 3, PKCS
// #1 v1.5 with SHA-256). Numbers inside are little-endian. Source: Intel SDM volume 3D, "Enclave Signature
// Structure" and "EINIT".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "sgx/arch.h"

namespace clemmys::sgx {

// SigningKey is an RSA-3072 private key with exponent 3; other keys are refused.
class SigningKey {
 public:
  static Result<SigningKey> generate();
  static Result<SigningKey> from_pem(std::string_view pem);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();
  // to_pem is PKCS #8 text without a password: the caller writes it with mode 0600.
  Result<std::string> to_pem() const;

 private:
  friend Status sign_sigstruct(Sigstruct&, const SigningKey&);
  struct Impl;
  explicit SigningKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// SigstructTerms is what a signer decides; the rest of SIGSTRUCT follows from the key and the format.
struct SigstructTerms {
  Measurement measurement;
  Attributes attributes{}, attribute_mask{};
  std::uint32_t miscselect = 0, miscmask = 0;
  std::uint16_t product_id = 0, security_version = 0;
  std::uint32_t date_bcd = 0x20260101;  // fixed: the same input gives the same bytes
};
Sigstruct sigstruct_of(const SigstructTerms& terms);

// sign_sigstruct fills modulus, exponent, signature, q1 and q2.
Status sign_sigstruct(Sigstruct& sigstruct, const SigningKey& key);

// check_sigstruct does EINIT's checks on SIGSTRUCT alone: fixed fields, reserved bytes, signature, q1, q2.
// kInvalid names the field.
Status check_sigstruct(const Sigstruct& sigstruct);

// signer_of is MRSIGNER: SHA-256 of the modulus as it stands in SIGSTRUCT.
SignerId signer_of(const Sigstruct& sigstruct);

}  // namespace clemmys::sgx
