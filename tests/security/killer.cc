#include "killer.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>

#include "base/check.h"

namespace clemmys::testing {

using controller::InstanceId;
using controller::Packet;

namespace {

constexpr auto kLookEvery = std::chrono::microseconds(200);
constexpr const char* kPhaseNames[] = {"before_open", "in_handler", "after_seal"};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// stop_process returns once the process is stopped (or dead): it executes nothing from then on.
void stop_process(pid_t pid) {
  ::kill(pid, SIGSTOP);
  for (;;) {
    const std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(") ");
    if (name_end == stat.npos || std::string_view("TtZX").contains(stat[name_end + 2])) return;
    ::usleep(20);
  }
}

// in_pause is whether one of the process's threads waits with a time limit: futex(2) with a fourth argument.
bool in_pause(pid_t pid) {
  std::error_code gone;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::istringstream call(text_of(thread.path() / "syscall"));
    std::string number, address, operation, value, timeout;
    call >> number >> address >> operation >> value >> timeout;
    if (number == "202" && !timeout.empty() && timeout != "0x0") return true;
  }
  return false;
}

// kill_and_wait returns when the process is dead; the invoker reaps it.
void kill_and_wait(pid_t pid) {
  ::kill(pid, SIGKILL);
  siginfo_t information{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

}  // namespace

KillPlan KillPlan::from_environment() {
  KillPlan plan;
  const char* text = std::getenv("CLEMMYS_TEST_KILLS");
  CHECK(text != nullptr);
  std::istringstream words(text);
  words >> plan.seed >> plan.steps >> plan.kills_per_card >> plan.spacing >> plan.tampering;
  CHECK(!words.fail() && plan.spacing > 0);
  return plan;
}

Killer::Killer(controller::Loop& loop, invoker::LocalInvoker& invoker, const KillPlan& plan)
    : loop_(loop), invoker_(invoker), plan_(plan) {
  for (unsigned i = 0; i < plan.kills_per_card; ++i) {
    for (std::uint16_t step = 0; step < plan.steps; ++step) {
      for (const KillPhase phase : {KillPhase::kBeforeOpen, KillPhase::kInHandler, KillPhase::kAfterSeal})
        deck_.push_back({step, phase});
    }
  }
  std::ranges::shuffle(deck_, std::mt19937_64(plan.seed));
}

Killer::Number Killer::known_as(InstanceId instance) const {
  const auto found = stands_for_.find(std::to_underlying(instance));
  return found == stands_for_.end() ? std::to_underlying(instance) : found->second;
}

std::optional<Killer::Card> Killer::take_card(std::uint16_t step) {
  if (step == 0 && ++activations_ % plan_.spacing == 0 && !deck_.empty()) {
    playable_.push_back(deck_.front());
    deck_.pop_front();
  }
  const auto found = std::ranges::find(playable_, step, &Card::step);
  if (found == playable_.end()) return std::nullopt;
  const Card card = *found;
  playable_.erase(found);
  return card;
}

void Killer::give_back(Life& life) {
  if (life.card) playable_.push_front(*life.card);
  life.card.reset();
}

Status Killer::start(InstanceId instance, const controller::InstanceSpec& spec) {
  Life& life = lives_[std::to_underlying(instance)];
  life.spec = spec;
  life.process_of = instance;
  const Status started = invoker_.start(instance, spec);
  if (!started) lives_.erase(std::to_underlying(instance));
  return started;
}

void Killer::run(InstanceId instance, Packet envelope) {
  const Number number = std::to_underlying(instance);
  Life& life = lives_.at(number);
  life.running = *wire::decode_header(envelope.view());
  if (plan_.tampering == "resend") life.envelope = to_bytes(envelope.view());
  if (life.killed) {
    log_ << "lost " << to_hex(life.running->activation) << std::endl;
  } else {
    life.card = take_card(life.running->step);
  }
  if (life.card && life.card->phase == KillPhase::kBeforeOpen)
    return kill_before_open(number, life, std::move(envelope));
  invoker_.run(life.process_of, std::move(envelope));
  if (life.card && life.card->phase == KillPhase::kInHandler) watch(number);
}

void Killer::kill_before_open(Number number, Life& life, Packet envelope) {
  stop_process(invoker_.process(life.process_of));
  invoker_.run(life.process_of, std::move(envelope));
  // The link writes in a function that it has posted just now: this one comes after it.
  boost::asio::post(loop_, [this, number] {
    if (const auto found = lives_.find(number); found != lives_.end()) kill_now(found->second);
  });
}

void Killer::watch(Number number) {
  auto timer = std::make_shared<boost::asio::steady_timer>(loop_, kLookEvery);
  timer->async_wait([this, timer, number](boost::system::error_code error) {
    const auto found = lives_.find(number);
    if (error || found == lives_.end() || !found->second.card) return;
    if (!kill_in_handler(found->second)) watch(number);
  });
}

bool Killer::kill_in_handler(Life& life) {
  const pid_t pid = invoker_.process(life.process_of);
  if (!in_pause(pid)) return false;
  stop_process(pid);
  const bool there_still = in_pause(pid);
  if (there_still) {
    kill_now(life);
  } else {
    ::kill(pid, SIGCONT);
  }
  return there_still;
}

// kill_now plays the card that the instance holds.
void Killer::kill_now(Life& life) {
  const auto card = std::exchange(life.card, std::nullopt);
  kill_and_wait(invoker_.process(life.process_of));
  life.killed = true;
  log_ << "kill " << card->step << " " << kPhaseNames[std::to_underlying(card->phase)] << " "
       << to_hex(life.running->activation) << std::endl;
}

void Killer::stop(InstanceId instance) {
  const auto found = lives_.find(std::to_underlying(instance));
  if (found == lives_.end()) return;
  give_back(found->second);
  invoker_.stop(found->second.process_of);
  lives_.erase(found);
}

void Killer::instance_ready(InstanceId instance, const controller::StartTimes& times) {
  const auto stands = stands_for_.find(std::to_underlying(instance));
  if (stands == stands_for_.end()) return listener->instance_ready(instance, times);
  const auto life = lives_.find(stands->second);
  if (life != lives_.end()) invoker_.run(instance, Packet::copy_of(life->second.envelope));
}

void Killer::instance_output(InstanceId instance, Packet envelope) {
  const Number number = known_as(instance);
  const auto found = lives_.find(number);
  if (found == lives_.end()) return;
  if (found->second.card) {
    if (found->second.card->phase == KillPhase::kAfterSeal)
      kill_now(found->second);
    else
      give_back(found->second);  // it was too quick to be seen in its handler
  }
  found->second.running.reset();
  listener->instance_output(InstanceId{number}, swapped(std::move(envelope)));
}

void Killer::instance_event(InstanceId instance, Packet envelope) {
  listener->instance_event(InstanceId{known_as(instance)}, std::move(envelope));
}

void Killer::instance_refused(InstanceId instance, ErrorCode code, std::string_view site) {
  const Number number = known_as(instance);
  if (const auto found = lives_.find(number); found != lives_.end()) {
    give_back(found->second);
    found->second.running.reset();
  }
  listener->instance_refused(InstanceId{number}, code, site);
}

void Killer::instance_retires(InstanceId instance) {
  listener->instance_retires(InstanceId{known_as(instance)});
}

void Killer::instance_ended(InstanceId instance, controller::InstanceEnd how, std::string_view why) {
  const Number number = known_as(instance);
  const auto found = lives_.find(number);
  if (found == lives_.end()) return;
  if (resend(found->second)) return;
  give_back(found->second);
  lives_.erase(found);
  listener->instance_ended(InstanceId{number}, how, why);
}

// resend gives a dead instance's envelope to a fresh one that takes its name; false: an honest node, or
// nothing to send.
bool Killer::resend(Life& life) {
  if (plan_.tampering != "resend" || !life.running || life.resent) return false;
  const Number number = std::to_underlying(life.process_of);
  const InstanceId stand_in{next_stand_in_++};
  if (!invoker_.start(stand_in, life.spec)) return false;
  stands_for_[std::to_underlying(stand_in)] = number;
  life.process_of = stand_in;
  life.killed = false;
  life.resent = true;
  return true;
}

// swapped makes two answers of one size change places, each under the other's header.
Packet Killer::swapped(Packet answer) {
  const wire::Header header = *wire::decode_header(answer.view());
  if (plan_.tampering != "swap" || header.kind != wire::Kind::kResult) return answer;
  Bytes own = to_bytes(answer.view().subspan(wire::kHeaderSize));
  std::swap(own, held_answer_);  // the one before, on the first call none
  if (own.size() + wire::kHeaderSize != answer.size()) return answer;
  Bytes out = to_bytes(answer.view().first(wire::kHeaderSize));
  out.insert(out.end(), own.begin(), own.end());
  return Packet::copy_of(out);
}

}  // namespace clemmys::testing
