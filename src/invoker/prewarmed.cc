#include "invoker/prewarmed.h"

#include <boost/asio/io_context.hpp>

#include "base/log.h"

namespace clemmys::invoker {

using controller::InstanceId;
using controller::Packet;

namespace {

constexpr std::chrono::milliseconds kNow{0}, kRest{200}, kAfterFailure{1'000};

}  // namespace

Prewarmed::Prewarmed(controller::Loop& loop, const KmsRelay& kms, std::size_t count, Start start)
    : kms_(kms), count_(count), start_(std::move(start)), timer_(loop) {
  start_later(kNow);
}

Prewarmed::~Prewarmed() { timer_.cancel(); }

void Prewarmed::start_later(std::chrono::milliseconds delay) {
  timer_.expires_after(delay);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (!error && !alive.expired()) start_one();
  });
}

void Prewarmed::start_one() {
  const bool one_starts = ready_count() < waiting_.size();
  if (one_starts || waiting_.size() >= count_) return;
  const InstanceId id{next_++};
  auto ended = [this, id](controller::InstanceEnd how, std::string_view why) {
    instance_ended(id, how, why);
  };
  Waiting waiting{nullptr, false, kms_.losses()};
  auto started = start_(id, *this, std::move(ended));
  if (!started) {
    log_warning("cannot prewarm an instance: " + to_string(started.error()));
    return start_later(kAfterFailure);
  }
  waiting.instance = std::move(*started);
  waiting_.emplace(id, std::move(waiting));
}

std::size_t Prewarmed::ready_count() const {
  std::size_t count = 0;
  for (const auto& [id, waiting] : waiting_) count += waiting.ready ? 1 : 0;
  return count;
}

std::unique_ptr<Instance> Prewarmed::take() {
  const std::size_t lost = std::erase_if(waiting_, [&](const auto& entry) {
    return entry.second.ready && entry.second.kms_losses != kms_.losses();
  });
  if (lost > 0) start_later(kRest);
  std::unique_ptr<Instance> taken;
  for (auto entry = waiting_.begin(); entry != waiting_.end() && !taken; ++entry) {
    if (!entry->second.ready) continue;
    taken = std::move(entry->second.instance);
    waiting_.erase(entry);
    break;
  }
  if (taken) start_later(kRest);  // one that starts later than asked for must not be put off again and again
  return taken;
}

void Prewarmed::drop(InstanceId id) {
  waiting_.erase(id);
  start_later(kAfterFailure);
}

void Prewarmed::instance_ready(InstanceId id, const controller::StartTimes& times) {
  (void)times;
  waiting_.at(id).ready = true;
  start_later(kNow);
}

void Prewarmed::instance_ended(InstanceId id, controller::InstanceEnd how, std::string_view why) {
  (void)how;
  log_warning("a prewarmed instance ended: " + std::string(why));
  const auto gone = waiting_.extract(id);  // lives until its own report has returned
  start_later(kAfterFailure);
}

void Prewarmed::instance_output(InstanceId id, Packet envelope) {
  (void)envelope;
  drop(id);
}
void Prewarmed::instance_event(InstanceId id, Packet envelope) {
  (void)envelope;
  drop(id);
}
void Prewarmed::instance_retires(InstanceId id) { drop(id); }
void Prewarmed::instance_refused(InstanceId id, ErrorCode code, std::string_view site) {
  (void)code;
  (void)site;
  drop(id);
}

}  // namespace clemmys::invoker
