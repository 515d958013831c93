// A ten-step chain while its instances are killed with SIGKILL, in every step and phase. Every answer is the
// right one for its own request or a platform error; those that were in a killed instance end as platform
// errors, never by a second run, and nobody else does. The counterparts show that the same checks catch a
// node that runs an envelope again or mixes answers up.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "build_folder.h"
#include "traced_chain.h"

namespace clemmys::testing {
namespace {

constexpr int kSteps = 10, kClients = 32;
constexpr int kNonBlockingEvery = 8, kLookedUpEvery = 25;

struct Load {
  int requests;
  unsigned kills_per_card, spacing;  // see killer.h
  std::string tampering = "honest";
};

const TracedChain kChain{.steps = kSteps, .pause_ms = 2};

std::vector<Outcome> run_load(const Platform& platform, const Load& load) {
  std::vector<Outcome> outcomes(static_cast<std::size_t>(load.requests));
  std::atomic<int> next = 0;
  auto work = [&] {
    Client client = platform.client();
    for (int request = next++; request < load.requests; request = next++) {
      Outcome& outcome = outcomes[static_cast<std::size_t>(request)];
      try {
        const bool blocking = request % kNonBlockingEvery != 0;
        const Answer answer = client.api("POST", blocking ? "actions/chain?blocking=true" : "actions/chain",
                                         request_body(request));
        if (blocking) outcome = judge(kChain, request, answer);
        const std::string activation = answer.status == 202 ? accepted_id(answer) : outcome.activation;
        // The stored record says what the answer said.
        const End said = outcome.end;
        if (answer.status == 202 || said == End::kPlatformError || request % kLookedUpEvery == 0)
          outcome = look_up(kChain, client, request, activation, std::chrono::seconds(120));
        if (answer.status != 202 && outcome.end != said)
          outcome = {activation, End::kWrong, "answer and record differ"};
      } catch (const std::exception& problem) {
        outcome.text = problem.what();
      }
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(work);
  for (std::thread& client : clients) client.join();
  return outcomes;
}

// Kills is what the node says that it did.
struct Kills {
  std::map<std::pair<int, std::string>, int> counts;
  std::set<std::string> before_answer;  // killed before the instance had answered
  std::set<std::string> after_seal;     // killed when the answer was out: both ends are right
};

Kills read_kills(const Platform& platform) {
  Kills kills;
  std::istringstream lines(read_text(platform.state_directory() + "/kills.log"));
  for (std::string word; lines >> word;) {
    std::string phase, activation;
    int step = 0;
    if (word == "kill") {
      lines >> step >> phase >> activation;
      ++kills.counts[{step, phase}];
    } else {
      lines >> activation;
    }
    (phase == "after_seal" ? kills.after_seal : kills.before_answer).insert(activation);
  }
  return kills;
}

// violations of what the test promises; empty when it holds.
std::vector<std::string> violations(const std::vector<Outcome>& outcomes, const Kills& kills) {
  std::vector<std::string> found;
  std::set<std::string> activations;
  std::size_t errors = 0;
  for (std::size_t request = 0; request < outcomes.size(); ++request) {
    const Outcome& outcome = outcomes[request];
    const std::string name = "request " + std::to_string(request) + " (" + outcome.activation + "): ";
    const bool killed = kills.before_answer.contains(outcome.activation);
    const bool concerned = killed || kills.after_seal.contains(outcome.activation);
    if (outcome.end == End::kWrong) {
      found.push_back(name + "neither right nor a platform error: " + outcome.text);
    } else if (outcome.end == End::kPlatformError) {
      ++errors;
      if (!concerned)
        found.push_back(name + "a platform error, though nobody killed under it: " + outcome.text);
    } else if (outcome.end == End::kRight && killed) {
      found.push_back(name + "answered, though its instance was killed before it had answered");
    }
    if (!activations.insert(outcome.activation).second) found.push_back(name + "an activation id came twice");
  }
  const std::size_t in_killed = kills.before_answer.size() + kills.after_seal.size();
  if (errors > in_killed)
    found.push_back(std::to_string(errors) + " platform errors, but " + std::to_string(in_killed) +
                    " activations in killed instances");
  return found;
}

struct Report {
  std::vector<Outcome> outcomes;
  Kills kills;
  std::vector<std::string> violations;
  long count(End end) const { return std::ranges::count(outcomes, end, &Outcome::end); }
};

Report run_under_kills(const Load& load) {
  const char* given = getenv("CLEMMYS_TEST_SEED");
  const std::string seed =
      given != nullptr
          ? given
          : std::to_string(std::chrono::system_clock::now().time_since_epoch().count() % 1'000'000);
  std::cout << "seed " << seed << " (again: CLEMMYS_TEST_SEED=" << seed << ")" << std::endl;
  const std::string plan = seed + " " + std::to_string(kSteps) + " " + std::to_string(load.kills_per_card) +
                           " " + std::to_string(load.spacing) + " " + load.tampering;
  setenv("CLEMMYS_TEST_KILLS", plan.c_str(), 1);
  const BuildFolder build({{"clemmys-node", "tests/kill_node"}}, {});
  PlatformOptions options;
  options.program = build.program();
  const Platform platform(options);
  kChain.deploy(platform);
  Report report;
  report.outcomes = run_load(platform, load);
  report.kills = read_kills(platform);
  report.violations = violations(report.outcomes, report.kills);
  std::cout << "right " << report.count(End::kRight) << ", platform errors "
            << report.count(End::kPlatformError) << ", killed before an answer "
            << report.kills.before_answer.size() << ", killed after it " << report.kills.after_seal.size()
            << "\n";
  return report;
}

TEST(Kills, EveryAnswerIsRightOrAPlatformErrorOfAKilledInstance) {
  constexpr int kRequests = 10'000, kRightMin = 9'000, kKillsPerPairMin = 20, kKillsMin = 300;
  const Report report = run_under_kills({.requests = kRequests, .kills_per_card = 21, .spacing = 14});
  for (std::size_t i = 0; i < std::min<std::size_t>(report.violations.size(), 10); ++i)
    ADD_FAILURE() << report.violations[i];
  int kills = 0;
  for (int step = 0; step < kSteps; ++step) {
    std::cout << "step " << step << ":";
    for (const char* phase : {"before_open", "in_handler", "after_seal"}) {
      const auto found = report.kills.counts.find({step, phase});
      const int count = found == report.kills.counts.end() ? 0 : found->second;
      std::cout << " " << phase << " " << count;
      EXPECT_GE(count, kKillsPerPairMin) << "step " << step << " " << phase;
      kills += count;
    }
    std::cout << "\n";
  }
  EXPECT_GE(kills, kKillsMin);
  EXPECT_GE(report.count(End::kRight), kRightMin);
}

TEST(KillsCounterpart, ANodeThatRunsAnEnvelopeAgainIsCaught) {
  const Report report =
      run_under_kills({.requests = 400, .kills_per_card = 1, .spacing = 10, .tampering = "resend"});
  EXPECT_FALSE(report.violations.empty());
}

TEST(KillsCounterpart, ANodeThatMixesAnswersUpIsCaught) {
  const Report report =
      run_under_kills({.requests = 100, .kills_per_card = 1, .spacing = 1000, .tampering = "swap"});
  EXPECT_FALSE(report.violations.empty());
  EXPECT_EQ(std::ranges::count(report.outcomes, End::kWrong, &Outcome::end), 0);  // the gateway refuses them
}

}  // namespace
}  // namespace clemmys::testing
