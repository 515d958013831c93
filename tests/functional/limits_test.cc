// What misbehaving functions bring their caller, and that their neighbours notice nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "platform.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

constexpr std::string_view kDeveloper = "action developer error",
                           kDied = "The action did not produce a valid response and exited unexpectedly.",
                           kMemory = "The action exhausted its memory and was aborted.",
                           kTime = "The action exceeded its time limits of 2000 milliseconds.";

struct Case {
  const char* way;
  std::string_view error;  // empty: success
};

constexpr Case kCases[] = {
    {"nothing", ""},
    {"loop", kTime},
    {"sleep", kTime},
    {"allocate", kMemory},
    {"allocate_and_drop", kMemory},
    {"threads", kDied},
    {"processes", ""},
    {"flood_log", ""},
    {"flood_stdout", ""},
    {"write_garbage", kDied},
    {"write_long_frame", kDied},
    {"write_second_output", kDied},
    {"flood_kms", kDied},
    {"close_link", kDied},
    {"crash", kDied},
    {"exit", kDied},
    {"abort", kDied},
    {"raise", kDied},
    {"throw", kDied},
    {"throw_number", kDied},
    {"recurse", kDied},
    {"no_object", "The action did not return a dictionary or array."},
    {"no_json", "The action did not return a dictionary or array."},
};

// Neighbours asks another function without pause, from a few connections, and notes what was not right.
class Neighbours {
 public:
  explicit Neighbours(const Platform& platform) {
    for (int i = 0; i < 2; ++i) {
      threads_.emplace_back([this, &platform, i] {
        Client client = platform.client();
        for (int request = i * 1'000'000; !stop_; ++request) ask(client, request);
      });
    }
  }
  ~Neighbours() { stop(); }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int right() const { return right_; }
  bool progress_beyond(int count) const {
    for (int i = 0; i < 3'000 && right_ <= count; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return right_ > count;
  }
  std::vector<std::string> problems() {
    const std::lock_guard lock(mutex_);
    return problems_;
  }

 private:
  void ask(Client& client, int request) {
    const std::string expected = "[\"neighbour:" + std::to_string(request) + "\"]";
    const Answer answer = client.api("POST", "actions/neighbour?blocking=true&result=true",
                                     "{\"value\":" + std::to_string(request) + "}");
    if (answer.status == 200 && answer.body.find(expected) != std::string::npos) {
      ++right_;
      return;
    }
    const std::lock_guard lock(mutex_);
    if (problems_.size() < 10) problems_.push_back(std::to_string(answer.status) + " " + answer.body);
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> right_ = 0;
  std::mutex mutex_;
  std::vector<std::string> problems_;
  std::vector<std::thread> threads_;
};

// check_record compares with OpenWhisk's shape: a record, 502 for a developer error, no top-level code.
void check_record(const Answer& answer, std::string_view error) {
  EXPECT_EQ(answer.status, error.empty() ? 200u : 502u) << answer.body.substr(0, 500);
  const json::value body = json::parse(answer.body);
  EXPECT_FALSE(body.as_object().contains("code")) << answer.body.substr(0, 500);
  ASSERT_TRUE(body.as_object().contains("activationId")) << answer.body.substr(0, 500);
  const json::value& response = body.at("response");
  EXPECT_EQ(response.at("success").as_bool(), error.empty());
  if (error.empty()) return;
  EXPECT_EQ(response.at("status").as_string(), json::string_view(kDeveloper.data(), kDeveloper.size()));
  EXPECT_EQ(response.at("result").at("error").as_string(), json::string_view(error.data(), error.size()));
}

std::string last_log_line(Client& client, const std::string& activation) {
  for (int i = 0; i < 100; ++i) {
    const Answer logs = client.api("GET", "activations/" + activation + "/logs");
    if (logs.status == 200) {
      const json::array lines = json::parse(logs.body).at("logs").as_array();
      return lines.empty() ? "" : std::string(lines.back().as_string());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return "no log";
}

TEST(Limits, EachMisbehaviourEndsAsOpenWhiskSaysAndNeighboursNoticeNothing) {
  Platform platform;
  platform.deploy("neighbour", "test_trace", R"([{"key":"label","value":"neighbour"}])");
  platform.deploy("misbehave", "test_misbehave", "[]", R"({"memory":128,"timeout":20000,"logs":1})");
  platform.deploy("timed", "test_misbehave", "[]", R"({"memory":128,"timeout":2000})");
  platform.deploy("no_serve", "test_no_serve");
  platform.deploy("large", "test_misbehave", "[]", R"({"memory":512})");
  Client client = platform.client();
  Neighbours neighbours(platform);
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.way);
    const int before = neighbours.right();
    const std::string action = each.error == kTime ? "timed" : "misbehave";
    const Answer answer = client.api("POST", "actions/" + action + "?blocking=true",
                                     std::string(R"({"way":")") + each.way + "\"}");
    check_record(answer, each.error);
    const std::string id(json::parse(answer.body).at("activationId").as_string());
    const Answer stored = client.api("GET", "activations/" + id);
    EXPECT_EQ(stored.status, 200u) << stored.body;
    if (std::string_view(each.way) == "processes")
      EXPECT_EQ(json::parse(answer.body).at("response").at("result").at("worked").as_string(), "");
    if (std::string_view(each.way).starts_with("flood_") && each.error.empty())
      EXPECT_NE(
          last_log_line(client, id)
              .find("Logs were truncated because the total bytes size exceeds the limit of 1048576 bytes."),
          std::string::npos);
    const Answer next = client.api("POST", "actions/" + action + "?blocking=true", R"({"way":"nothing"})");
    EXPECT_EQ(next.status, 200u) << "the function serves on: " << next.body;
    EXPECT_TRUE(neighbours.progress_beyond(before));
  }
  check_record(client.api("POST", "actions/no_serve?blocking=true", "{}"),
               "The action did not initialize and exited unexpectedly.");
  check_record(client.api("POST", "actions/large?blocking=true", R"({"way":"large_answer"})"),
               "The action produced a response that exceeded the allowed length: 51380232 > 50331648 bytes.");
  neighbours.stop();
  for (const std::string& problem : neighbours.problems()) ADD_FAILURE() << problem;
  EXPECT_GT(neighbours.right(), 100);
}

bool says_timeout(const Answer& answer) {
  const json::value record = json::parse(answer.body);
  for (const json::value& each : record.at("annotations").as_array())
    if (each.at("key") == "timeout") return each.at("value").as_bool();
  ADD_FAILURE() << "no annotation: " << answer.body;
  return false;
}

TEST(Limits, OfScriptsHoldFromInsideAndOutsideAndNeighboursNoticeNothing) {
  Platform platform;
  platform.deploy("neighbour", "test_trace", R"([{"key":"label","value":"neighbour"}])");
  const std::string limits = R"({"memory":128,"timeout":2000})";
  // The engine asks for the deadline between steps; a search in a text is one step.
  platform.deploy_script("script", R"js(function main({way}) {
    if (way === 'memory') for (const all = [];;) all.push(new Uint8Array(1 << 20));
    if (way === 'loop') for (;;);
    if (way === 'expression') /(a+)+$/.test('a'.repeat(40) + 'b');
    if (way === 'one step') 'a'.repeat(2e7).indexOf('a'.repeat(1e7) + 'b');
    return {};
  })js",
                         "[]", limits);
  platform.deploy_script("endless", "for (;;); function main() {}", "[]", limits);
  const struct {
    const char* way;
    std::string_view error;
    bool lives_on;
  } ways[] = {{"memory", kMemory, true},
              {"loop", kTime, true},
              {"expression", kTime, true},
              {"one step", kTime, false}};
  Client client = platform.client();
  Neighbours neighbours(platform);
  for (const auto& each : ways) {
    SCOPED_TRACE(each.way);
    const int before = neighbours.right();
    const Answer answer =
        client.api("POST", "actions/script?blocking=true", std::string(R"({"way":")") + each.way + "\"}");
    check_record(answer, each.error);
    EXPECT_EQ(says_timeout(answer), each.error == kTime);
    const Answer next = client.api("POST", "actions/script?blocking=true", "{}");
    EXPECT_EQ(next.status, 200u) << next.body;
    EXPECT_EQ(next.body.find("initTime") == std::string::npos, each.lives_on)
        << "who ended it: " << next.body;
    EXPECT_TRUE(neighbours.progress_beyond(before));
  }
  const Answer endless = client.api("POST", "actions/endless?blocking=true", "{}");
  check_record(endless, "The action exceeded its time limits of 2000 milliseconds during initialization.");
  EXPECT_TRUE(says_timeout(endless));
  neighbours.stop();
  for (const std::string& problem : neighbours.problems()) ADD_FAILURE() << problem;
}

TEST(Limits, OfANamespaceAre429AndAreShown) {
  Platform platform({.arguments = {"--concurrent-invocations", "2", "--invocations-per-minute", "1000"}});
  platform.deploy("misbehave", "test_misbehave", "[]", R"({"timeout":3000})");
  Client client = platform.client();
  const json::value limits = json::parse(client.api("GET", "limits").body);
  EXPECT_EQ(limits.at("concurrentInvocations").to_number<int>(), 2);
  EXPECT_EQ(limits.at("invocationsPerMinute").to_number<int>(), 1000);
  std::atomic<int> timed_out = 0, refused = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      Client own = platform.client();
      const Answer answer = own.api("POST", "actions/misbehave?blocking=true", R"({"way":"sleep"})");
      if (answer.status == 502) ++timed_out;
      if (answer.status != 429) return;
      ++refused;
      EXPECT_EQ(json::parse(answer.body).at("error").as_string(),
                "Too many concurrent requests in flight (count: 3, allowed: 2).");
      EXPECT_TRUE(json::parse(answer.body).as_object().contains("code"));
    });
  }
  for (std::thread& each : clients) each.join();
  EXPECT_EQ(timed_out, 2);
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(client.api("POST", "actions/misbehave?blocking=true", R"({"way":"nothing"})").status, 200u);
}

TEST(Limits, WhatNeverFitsIs503AtOnce) {
  Platform platform({.arguments = {"--epc-mib", "300"}});
  platform.deploy("small", "test_misbehave", "[]", R"({"memory":128})");
  platform.deploy("large", "test_misbehave", "[]", R"({"memory":512})");
  Client client = platform.client();
  EXPECT_EQ(client.api("POST", "actions/small?blocking=true", R"({"way":"nothing"})").status, 200u);
  const Answer refused = client.api("POST", "actions/large?blocking=true", R"({"way":"nothing"})");
  EXPECT_EQ(refused.status, 503u);
  EXPECT_TRUE(json::parse(refused.body).as_object().contains("code"));
}

}  // namespace
}  // namespace clemmys::testing
