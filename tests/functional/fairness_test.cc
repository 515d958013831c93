// Two namespaces on a platform with one instance: one of them floods. Counted is how many answers the flood
// gets while the other waits for one: with turns a few, in one queue all that waited before. No time is
// asserted.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "platform.h"

namespace clemmys::testing {
namespace {

constexpr int kFloodConnections = 48;
constexpr const char* kPause = R"([{"key":"label","value":"x"},{"key":"pause_ms","value":200}])";

// Load asks one function without pause from a number of connections, and counts.
class Load {
 public:
  Load(const Platform& platform, const std::string& key, int connections) {
    for (int i = 0; i < connections; ++i) {
      threads_.emplace_back([this, &platform, key] {
        Client client = platform.client_of(key);
        while (!stop_) count(client.api("POST", "actions/slow?blocking=true", R"({"value":1})"));
      });
    }
  }
  ~Load() { stop(); }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int answers() const { return answers_; }
  int failures() const { return failures_; }
  void wait_for(int answers) const {
    while (answers_ < answers && failures_ == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  void count(const Answer& answer) { ++(answer.status == 200 ? answers_ : failures_); }

  std::atomic<bool> stop_ = false;
  std::atomic<int> answers_ = 0, failures_ = 0;
  std::vector<std::thread> threads_;
};

struct TwoNamespaces {
  Platform platform{{.arguments = {"--instances", "1", "--prewarmed-js", "0"}}};
  std::string flood = platform.key(), neighbour = platform.add_namespace("neighbour");

  TwoNamespaces() {
    for (const std::string& key : {flood, neighbour})
      Platform::deploy(platform.client_of(key), "slow", "test_trace", kPause);
    Platform::deploy(platform.client_of(flood), "same_queue", "test_trace", kPause);
  }
  // overtaken is how many answers the flood gets while `key` waits for one of `action`.
  int overtaken(const Load& load, const std::string& key, const std::string& action) const {
    Client client = platform.client_of(key);
    const int before = load.answers();
    const Answer answer = client.api("POST", "actions/" + action + "?blocking=true", R"({"value":2})");
    EXPECT_EQ(answer.status, 200u) << answer.body.substr(0, 300);
    return load.answers() - before;
  }
};

TEST(Fairness, ANeighbourOfAFloodWaitsForATurnAndOneOfItsOwnForTheQueue) {
  TwoNamespaces two;
  Load load(two.platform, two.flood, kFloodConnections);
  load.wait_for(3);
  int overtaken = 0;
  constexpr int kRequests = 6;
  for (int i = 0; i < kRequests; ++i) overtaken += two.overtaken(load, two.neighbour, "slow");
  EXPECT_LT(overtaken, kRequests * kFloodConnections / 3) << "the neighbour does not get its turns";
  // The counterpart: what is of the flood's own namespace has no turn of its own.
  EXPECT_GT(two.overtaken(load, two.flood, "same_queue"), kFloodConnections * 2 / 3);
  load.stop();
  EXPECT_EQ(load.failures(), 0);
}

TEST(Fairness, TwoThatFloodShareWhateverTheirNumbers) {
  TwoNamespaces two;
  Load many(two.platform, two.flood, 40), few(two.platform, two.neighbour, 8);
  many.wait_for(1);
  few.wait_for(1);
  const int many_before = many.answers(), few_before = few.answers();
  while (many.answers() + few.answers() < many_before + few_before + 60 &&
         many.failures() + few.failures() == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const int many_got = many.answers() - many_before, few_got = few.answers() - few_before;
  // By connections it would be one in six.
  EXPECT_GE(few_got * 3, many_got + few_got) << few_got << " of " << many_got + few_got;
  many.stop();
  few.stop();
  EXPECT_EQ(many.failures() + few.failures(), 0);
}

}  // namespace
}  // namespace clemmys::testing
