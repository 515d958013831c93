// authority.h: the deployment's certificate authority. Its P-256 key is made inside and never leaves but
// sealed in the journal. Names are the root policy's, never a requester's: the CA certificate carries them as
// critical name constraints, too.
#pragma once

#include <memory>

#include "kms/delta.h"
#include "kms/root_policy.h"
#include "wire/kms_api.h"

namespace clemmys::kms {

inline constexpr std::uint64_t kGatewayCertificateMs = 3'600'000;

// make_deployment makes a CA key with its certificate (ten years), and a session identity, for one root
// policy.
Result<Deployment> make_deployment(const RootPolicy& policy, std::uint64_t now_unix_ms);

class Authority {
 public:
  static Result<Authority> open(const Deployment& deployment, const RootPolicy& policy);
  Authority(Authority&&) noexcept;
  ~Authority();

  const Bytes& certificate_der() const;
  // sign_csr takes a P-256 key from a PKCS #10 request that is signed by it, and nothing else: name, use and
  // life come from here.
  Result<wire::CertificateChain> sign_csr(ByteView csr_der, std::uint64_t now_unix_ms) const;

 private:
  struct Impl;
  explicit Authority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::kms
