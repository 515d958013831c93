// A 10-step chain must give the right answer every time, with many clients at once. Each step is its own
// action (own keys) with its own default parameter; each request has a value of its own, so that a skipped,
// repeated, swapped or mixed-up step shows.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "platform.h"

namespace clemmys::testing {
namespace {

constexpr int kSteps = 10, kClients = 32, kRequests = 10'000;

std::string expected(int request) {
  boost::json::array trace;
  for (int step = 0; step < kSteps; ++step)
    trace.emplace_back("step" + std::to_string(step) + ":" + std::to_string(request));
  return boost::json::serialize(trace);
}

TEST(Chain, TenStepsAnswerRightlyTenThousandTimesWithThirtyTwoClients) {
  Platform platform;
  std::vector<std::string> names;
  for (int step = 0; step < kSteps; ++step) {
    names.push_back("step" + std::to_string(step));
    platform.deploy(names.back(), "test_trace", R"([{"key":"label","value":")" + names.back() + R"("}])");
  }
  platform.create_sequence("chain", names);

  std::atomic<int> next = 0, right = 0;
  std::mutex mutex;
  std::vector<std::string> problems;
  auto report = [&](std::string text) {
    std::lock_guard lock(mutex);
    if (problems.size() < 10) problems.push_back(std::move(text));
  };
  auto work = [&] {
    Client client = platform.client();
    for (int request = next++; request < kRequests; request = next++) {
      try {
        const Answer answer = client.api("POST", "actions/chain?blocking=true&result=true",
                                         "{\"value\":" + std::to_string(request) + "}");
        const auto result = boost::json::parse(answer.body);
        if (answer.status == 200 && boost::json::serialize(result.at("trace")) == expected(request)) {
          ++right;
        } else {
          report("request " + std::to_string(request) + ": " + std::to_string(answer.status) + " " +
                 answer.body.substr(0, 300));
        }
      } catch (const std::exception& problem) {
        report("request " + std::to_string(request) + ": " + problem.what());
        return;
      }
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(work);
  for (std::thread& client : clients) client.join();
  for (const std::string& problem : problems) ADD_FAILURE() << problem;
  EXPECT_EQ(right, kRequests);
}

}  // namespace
}  // namespace clemmys::testing
