// links.h: what the gateway asks of the world, as interfaces: the controller (untrusted: every byte of an
// answer may be forged) and the KMS (over the attested session). Production: controller_link.h, kms_link.h;
// fakes: testing/.
#pragma once

#include <functional>
#include <memory>

#include "base/bytes.h"
#include "gateway/task.h"
#include "wire/kms_api.h"
#include "wire/links.h"

namespace clemmys::gateway {

// RunListener hears of one run. After on_end no function is called again.
class RunListener {
 public:
  virtual ~RunListener() = default;
  // on_tick is called about once a second; false: the run is over its deadline, and the link ends it as timed
  // out.
  virtual bool on_tick(std::uint64_t now_unix_ms) = 0;
  virtual void on_event(ByteView envelope) = 0;
  // on_end: kDone with an envelope, or kFailed with an encoded PlatformError
  // (also when the link broke).
  virtual void on_end(wire::ControllerFrame type, ByteView body) = 0;
};

// ControllerLink belongs to one worker and is used on its thread only. Frames leave in the order of the
// calls; those of one turn of the event loop leave in one write.
class ControllerLink {
 public:
  virtual ~ControllerLink() = default;
  // call sends number ‖ body and waits for kOk or kRecords: the body after the number. kError becomes its
  // Error.
  virtual Task<Result<Bytes>> call(wire::ControllerFrame type, Bytes body) = 0;
  // notify is call without waiting: the link sees to it that it arrives, also at the controller's next life;
  // a failure is counted by the link. The operation must be one that may be done twice.
  virtual void notify(wire::ControllerFrame type, Bytes body) = 0;
  // when_sent calls `then` once the operating system has all that was given to the link so far, so that it
  // reaches the controller even if this process ends, or when the connection is lost.
  virtual void when_sent(std::function<void()> then) = 0;
  // run sends an envelope for a namespace. The link drops the listener after on_end. kUnavailable: nothing
  // was sent.
  virtual Status run(const NamespaceId& owner, ByteView envelope, std::shared_ptr<RunListener> listener) = 0;
};

// KmsLink may be used by any worker; the task resumes on the worker that asked.
class KmsLink {
 public:
  virtual ~KmsLink() = default;
  // change sends a request and, after success, brings the view up to date before it answers with the
  // operation's body.
  virtual Task<Result<Bytes>> change(wire::GatewayRequest request) = 0;
  // evidence relays a client's nonce; the answer is an encoded KmsEvidence.
  virtual Task<Result<Bytes>> evidence(Bytes nonce) = 0;
};

}  // namespace clemmys::gateway
