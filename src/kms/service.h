// service.h: the KMS without its socket: frames in, frames out. It owns the state, the journal, the authority
// and the sessions. Order within a turn: handle() any number of frames, then commit(), then send the answers.
// commit() makes all changes of the turn durable and anchored with one write, and confirms before keys leave
// that this instance is still the anchored one. After a failed commit nothing may be sent and the program
// must end. Trust: frames are hostile. Threads: one.
#pragma once

#include <memory>
#include <string>

#include "attest/attester.h"
#include "attest/verifier.h"
#include "base/clock.h"
#include "kms/anchor.h"
#include "kms/root_policy.h"
#include "kms/sealer.h"
#include "wire/frame.h"

namespace clemmys::kms {

// ServiceParts is what the world must provide. References outlive the service.
struct ServiceParts {
  std::string folder;  // of the state
  RootPolicy policy;
  attest::Collateral collateral;  // handed to clients with the evidence, too
  Anchor& anchor;
  Sealer& sealer;
  attest::Attester& attester;
  const Clock& clock;
};

class Service {
 public:
  // open unseals, replays, and journals its own start. kDenied when the state cannot be trusted; the detail
  // says why.
  static Result<std::unique_ptr<Service>> open(ServiceParts parts);
  ~Service();

  // handle answers one frame of kms_api.h; every input gets an answer (kAnswer or kRefused).
  wire::Frame handle(const wire::Frame& request);
  Status commit();

  // Numbers for the log and for tests.
  std::size_t action_count() const;
  std::uint64_t revision() const;
  const Bytes& ca_certificate_der() const;

 private:
  struct Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::kms
