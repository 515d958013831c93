// step_runner.h: what an instance does with one envelope (ARCHITECTURE.md, "One request", 6;
// SPECIFICATION.md). Knows nothing of sockets: bytes in, envelopes out. One thread.
#pragma once

#include <map>
#include <tuple>

#include "base/clock.h"
#include "runtime/native/call_log.h"
#include "runtime/native/handler.h"
#include "runtime/native/replay_cache.h"
#include "wire/kms_api.h"

namespace clemmys::runtime {

// StepOutput is what leaves the instance after a step: the event for the gateway, then the envelope for the
// next receiver. retire: the handler ran out of memory; what it left is not to be trusted with another call.
struct StepOutput {
  Bytes event, output;
  bool retire = false;
};

class StepRunner {
 public:
  // Become turns a generic instance into the function of these keys, the first time; it is asked before each
  // call, whose header it is given. An error refuses the envelope.
  using Become = std::function<Status(const wire::StepKeys&, const wire::Header&)>;
  using FetchKeys = std::function<Result<wire::StepKeys>(const wire::GetStepKeys&)>;
  struct Limits {
    FunctionId function;
    std::uint64_t payload_size_max = wire::kPayloadSizeMaxDefault;
    std::uint64_t init_ms = 0;  // reported with the first event
    MemoryKeeper memory = MemoryKeeper::kProcess;
  };
  StepRunner(const Clock& clock, CallLog& log, Handler handler, FetchKeys fetch_keys, Limits limits,
             Become become = {});

  // run refuses (with an error; nothing else happens) whatever is not an authentic, fresh, first request for
  // this very step. `time_floor_unix_ms` is the key service's; the clock is the host's and is never believed
  // to be earlier.
  Result<StepOutput> run(ByteView envelope, const std::function<std::uint64_t()>& time_floor_unix_ms);

 private:
  struct Finished;
  using StepName = std::tuple<ChainId, Digest, std::uint16_t>;
  struct Held {
    wire::StepKeys keys;
    Key receipt_key;
  };
  Result<const Held*> keys_for(const wire::Header& header);
  Status become(const wire::StepKeys& keys, const wire::Header& header);
  Finished call_handler(const wire::StepKeys& keys, const wire::Header& header, const wire::Payload& request);
  Finished judge(Reply reply) const;
  std::uint64_t now_unix_ms(std::uint64_t floor_unix_ms);

  const Clock& clock_;
  CallLog& log_;
  Handler handler_;
  FetchKeys fetch_keys_;
  Limits limits_;
  Become become_;
  ReplayCache replay_cache_;
  std::map<StepName, Held> keys_;
  std::uint64_t latest_unix_ms_ = 0;
};

}  // namespace clemmys::runtime
