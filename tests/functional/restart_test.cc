// Controller, gateway and key service end under load, by SIGKILL and in order, one after the other. `clemmys
// up` starts each again; clients do no more than connect again. Whatever was acknowledged, definitions and
// finished activations, is there afterwards; what was under way ends right or as a platform error, and there
// are no more of these than were under way when a part ended or came until it was back.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <mutex>
#include <optional>
#include <thread>

#include "defining.h"
#include "traced_chain.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr int kClients = 8;
constexpr int kLooksAt = 4;           // one of so many ids is looked up at once
constexpr int kAnswersBetween = 100;  // right answers before each end, and after it
constexpr seconds kBackWithin{60};
const TracedChain kChain{.steps = 3, .pause_ms = 0, .timeout_ms = 1'000};
// kSettled: deadline (queueing 30 s and the steps' limits) and grace, then an activation that nobody finished
// is shown as lost.
constexpr seconds kSettled{60};

// Load is clients that go on whatever happens, and what they were told.
class Load {
 public:
  explicit Load(const Platform& platform) : platform_(platform) {
    for (int i = 0; i < kClients; ++i) threads_.emplace_back([this, i] { invoke(i % 2 == 0); });
  }
  ~Load() { end(); }
  void end() {
    ending_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int right() const { return right_; }

  struct Told {
    int request;
    std::string activation;
    bool finished;  // the client has its right answer, or saw the record of one; else it has an id alone
    Clock::time_point when;  // asked for, or, where the answer was an id alone, accepted
  };
  std::vector<Told> told() const { return told_; }
  std::vector<std::string> problems() const { return problems_; }

 private:
  // each calls `work` until the end; connections that break are no failure.
  void each(const std::function<void(Client&)>& work) {
    Client client = platform_.client();
    while (!ending_) {
      try {
        work(client);
      } catch (const std::exception&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
  }
  void invoke(bool blocking) {
    each([&](Client& client) {
      const int request = next_++;
      const Clock::time_point asked = Clock::now();
      const Answer answer = client.api("POST", blocking ? "actions/chain?blocking=true" : "actions/chain",
                                       request_body(request));
      if (answer.status == 202) return accepted(client, request, accepted_id(answer));
      if (answer.status == 503) return;
      const std::lock_guard lock(mutex_);
      const Outcome outcome = judge(kChain, request, answer);
      if (outcome.end == End::kWrong)
        problems_.push_back("request " + std::to_string(request) + ": " + outcome.text);
      if (outcome.activation.empty()) return;
      const bool right = outcome.end == End::kRight;
      right_ += right ? 1 : 0;
      told_.push_back({request, outcome.activation, right, asked});
    });
  }
  // accepted keeps an id that was given out, and looks for the record of some soon.
  void accepted(Client& client, int request, const std::string& id) {
    std::size_t place;
    {
      const std::lock_guard lock(mutex_);
      place = told_.size();
      told_.push_back({request, id, false, Clock::now()});
    }
    if (request % kLooksAt != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const bool finished = judge(kChain, request, client.api("GET", "activations/" + id)).end == End::kRight;
    const std::lock_guard lock(mutex_);
    told_[place].finished = finished;
  }
  const Platform& platform_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> next_ = 0, right_ = 0;
  std::mutex mutex_;
  std::vector<Told> told_;
  std::vector<std::string> problems_;
  std::vector<std::thread> threads_;
};

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + kBackWithin;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

bool works_on(const Load& load, const Defining& defining) {
  const int right = load.right(), changes = defining.changes();
  return eventually([&] { return load.right() >= right + kAnswersBetween && defining.changes() > changes; });
}

// Outage is the time from before a part's end until everything works on, and how many activations were under
// way when it began.
struct Outage {
  Clock::time_point begin, end;
  int under_way;
};

// under_way asks the gateway, which is there: nothing has ended yet.
int under_way(const Platform& platform) {
  constexpr std::string_view kName = "\nclemmys_gateway_activations_open ";
  const std::string metrics = platform.client().request("GET", "/clemmys/v1/metrics").body;
  const std::size_t at = metrics.find(kName);
  return at == metrics.npos ? -1 : std::stoi(metrics.substr(at + kName.size()));
}

class Restart : public ::testing::Test {
 protected:
  void SetUp() override {
    kChain.deploy(platform_);
    defining_.emplace(platform_);
    load_.emplace(platform_);
    ASSERT_TRUE(works_on(*load_, *defining_));
  }
  // end_part ends one, and waits until clients are served as before.
  void end_part(const char* name, int signal) {
    const pid_t before = platform_.part(name);
    ASSERT_GT(before, 0) << name;
    const Clock::time_point begin = Clock::now();
    const int open = under_way(platform_);
    ASSERT_EQ(::kill(before, signal), 0);
    ASSERT_TRUE(eventually([&] { return platform_.part(name) > 0 && platform_.part(name) != before; }))
        << name;
    ASSERT_TRUE(works_on(*load_, *defining_)) << "after signal " << signal << " to " << name << "\n"
                                              << read_text(platform_.log_path());
    outages_.push_back({begin, Clock::now(), open});
  }
  // expect_records looks up every id that a client was given.
  void expect_records() {
    Client client = platform_.client();
    std::vector<int> lost(outages_.size() + 1);  // of those that were accepted between two outages
    int lost_in_outages = 0;
    for (const Load::Told& told : load_->told()) {
      const Outcome outcome = look_up(kChain, client, told.request, told.activation, kSettled);
      EXPECT_NE(outcome.end, End::kWrong) << told.activation << ": " << outcome.text;
      if (told.finished) EXPECT_EQ(outcome.end, End::kRight) << told.activation << ": " << outcome.text;
      if (outcome.end != End::kPlatformError) continue;
      const auto next = std::ranges::find_if(outages_, [&](const Outage& o) { return told.when < o.end; });
      const bool in_outage = next != outages_.end() && told.when >= next->begin;
      ++(in_outage ? lost_in_outages : lost[static_cast<std::size_t>(next - outages_.begin())]);
    }
    EXPECT_EQ(lost.back(), 0) << "activations that met no end of a part";
    for (std::size_t i = 0; i < outages_.size(); ++i) EXPECT_LE(lost[i], outages_[i].under_way) << i;
    std::cout << load_->told().size() << " activations; ended as platform errors: " << lost_in_outages
              << " that came in an outage;";
    for (std::size_t i = 0; i < outages_.size(); ++i)
      std::cout << " " << lost[i] << " of " << outages_[i].under_way;
    std::cout << " that were under way at one\n" << defining_->summary() << "\n";
  }

  const Platform platform_;
  std::vector<Outage> outages_;
  std::optional<Defining> defining_;
  std::optional<Load> load_;
};

TEST_F(Restart, OfEachPartUnderLoadLosesNoDefinitionAndNoFinishedActivation) {
  constexpr const char* kParts[] = {"node", "gateway", "kms", "quoting-enclave"};
  for (const int signal : {SIGKILL, SIGTERM}) {
    for (const char* name : kParts) ASSERT_NO_FATAL_FAILURE(end_part(name, signal));
  }
  ASSERT_TRUE(works_on(*load_, *defining_));
  load_->end();
  defining_->end();
  for (const std::string& problem : load_->problems()) ADD_FAILURE() << problem;
  const std::string log = read_text(platform_.log_path());
  for (const char* name : kParts) {
    EXPECT_NE(log.find(std::string(name) + " ended by itself with signal 9; it is started again"),
              std::string::npos);
    EXPECT_NE(log.find(std::string(name) + " runs again"), std::string::npos);
  }
  EXPECT_NE(log.find("node ended by itself with exit status 0"),
            std::string::npos);  // in order, not by a fault
  expect_records();
  for (const std::string& problem : defining_->problems()) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace clemmys::testing
