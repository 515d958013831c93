// kms_link.h: the gateway's attested session with the KMS, on a thread of its own with blocking I/O. It keeps
// the view fresh (every second and after each own change), renews the certificate before it ends, and opens a
// new session when the old one breaks. Invariant: one KMS identity per lifetime; another session key than the
// first one's is refused.
#pragma once

#include <memory>
#include <string>

#include "attest/attester.h"
#include "gateway/api.h"
#include "gateway/tls_identity.h"

namespace clemmys::gateway {

struct KmsLinkConfig {
  std::string socket_path;
  std::uint64_t poll_ms = 1'000;
  std::uint64_t renew_before_ms = 20 * 60'000;  // of the certificate's end
};

// Poster runs a function on the thread that made it.
using Poster = std::function<void(std::function<void()>)>;

class KmsThread {
 public:
  KmsThread(KmsLinkConfig config, attest::Attester& attester, View& view, TlsContextSlot& tls,
            TimeSource& time, Metrics& metrics);
  ~KmsThread();

  // start opens the session, gets the first certificate and view, and starts the thread.
  Status start();
  // link is a worker's handle; `post` brings answers back to the worker. Lives no longer than this object.
  std::unique_ptr<KmsLink> link(Poster post);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::gateway
