// Controller, gateway and key service end under load, by SIGKILL and in order, one after the other. `clemmys
// up` starts each again; clients do no more than connect again. Whatever was acknowledged, definitions and
// finished activations, is there afterwards; what was under way ends right or as a platform error.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <boost/json.hpp>
#include <mutex>
#include <set>
#include <thread>

#include "traced_chain.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr int kClients = 8;
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
    threads_.emplace_back([this] { define(); });
  }
  ~Load() { end(); }
  void end() {
    ending_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int right() const { return right_; }
  int defined() const { return defined_; }

  struct Told {
    int request;
    std::string activation;
    bool finished;  // the client has its right answer; else it has an id alone
  };
  std::vector<Told> told() const { return told_; }
  std::set<std::string> names() const { return names_; }
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
      const Answer answer = client.api("POST", blocking ? "actions/chain?blocking=true" : "actions/chain",
                                       request_body(request));
      std::lock_guard lock(mutex_);
      if (answer.status == 202) return told_.push_back({request, accepted_id(answer), false});
      if (answer.status == 503) return;
      const Outcome outcome = judge(kChain, request, answer);
      if (outcome.end == End::kWrong)
        problems_.push_back("request " + std::to_string(request) + ": " + outcome.text);
      if (outcome.end != End::kRight) return;
      ++right_;
      told_.push_back({request, outcome.activation, true});
    });
  }
  void define() {
    each([&](Client& client) {
      const std::string name = "made" + std::to_string(next_++);
      const json::object body{
          {"exec", json::object{{"kind", "sequence"}, {"components", json::array{"/_/step0", "/_/step1"}}}}};
      const Answer answer = client.api("PUT", "actions/" + name, json::serialize(body));
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (answer.status != 200) return;
      std::lock_guard lock(mutex_);
      names_.insert(name);
      ++defined_;
    });
  }

  const Platform& platform_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> next_ = 0, right_ = 0, defined_ = 0;
  std::mutex mutex_;
  std::vector<Told> told_;
  std::set<std::string> names_;
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

bool works_on(const Load& load) {
  const int right = load.right(), defined = load.defined();
  return eventually([&] { return load.right() >= right + kAnswersBetween && load.defined() > defined; });
}

std::set<std::string> all_actions(Client& client) {
  std::set<std::string> names;
  for (std::size_t page = 0;; ++page) {
    const Answer answer = client.api("GET", "actions?limit=200&skip=" + std::to_string(page * 200));
    const json::array actions = json::parse(answer.body).as_array();
    for (const json::value& action : actions) names.emplace(action.at("name").as_string());
    if (actions.size() < 200) return names;
  }
}

TEST(Restart, OfEachPartUnderLoadLosesNoDefinitionAndNoFinishedActivation) {
  const Platform platform;
  kChain.deploy(platform);
  Load load(platform);
  ASSERT_TRUE(works_on(load));
  for (const int signal : {SIGKILL, SIGTERM}) {
    for (const char* name : {"node", "gateway", "kms", "quoting-enclave"}) {
      const pid_t before = platform.part(name);
      ASSERT_GT(before, 0) << name;
      ASSERT_EQ(::kill(before, signal), 0);
      ASSERT_TRUE(eventually([&] { return platform.part(name) > 0 && platform.part(name) != before; }))
          << name;
      ASSERT_TRUE(works_on(load)) << "after signal " << signal << " to " << name << "\n"
                                  << read_text(platform.log_path());
    }
  }
  load.end();
  for (const std::string& problem : load.problems()) ADD_FAILURE() << problem;
  const std::string log = read_text(platform.log_path());
  for (const char* name : {"node", "gateway", "kms", "quoting-enclave"}) {
    EXPECT_NE(log.find(std::string(name) + " ended by itself with signal 9; it is started again"),
              std::string::npos);
    EXPECT_NE(log.find(std::string(name) + " runs again"), std::string::npos);
  }

  EXPECT_NE(log.find("node ended by itself with exit status 0"),
            std::string::npos);  // in order, not by a fault

  Client client = platform.client();
  const std::set<std::string> present = all_actions(client);
  for (const std::string& name : load.names()) EXPECT_TRUE(present.contains(name)) << name << " is gone";
  int lost = 0;
  for (const Load::Told& told : load.told()) {
    const Outcome outcome = look_up(kChain, client, told.request, told.activation, kSettled);
    EXPECT_NE(outcome.end, End::kWrong) << told.activation << ": " << outcome.text;
    if (told.finished) EXPECT_EQ(outcome.end, End::kRight) << told.activation << ": " << outcome.text;
    if (outcome.end == End::kPlatformError) ++lost;
  }
  std::cout << load.told().size() << " activations, of which " << lost << " ended as platform errors; "
            << load.names().size() << " definitions\n";
}

}  // namespace
}  // namespace clemmys::testing
