#include "hostile_platform.h"

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace clemmys::testing {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

std::string label(const std::string& name) { return R"([{"key":"label","value":")" + name + R"("}])"; }

std::vector<std::string> steps_of(const std::string& action) {
  if (action == "chain") return {"first", "second", "third"};
  if (action == "other") return {"first", "third", "second"};
  return {action};
}

}  // namespace

void HostileTest::start(const HostileOptions& options) {
  build = new BuildFolder({{"clemmys-node", "tests/hostile_node"}, {"clemmys-host", "tests/hostile_host"}},
                          options.images);
  PlatformOptions platform_options;
  platform_options.program = build->program();
  platform_options.arguments = {"--prewarmed",
                                "0"};  // an instance's process begins with the attack that it is for
  platform = new Platform(platform_options);
  deploy_chain(options);
  client = new Client(platform->client());
}

void HostileTest::deploy_chain(const HostileOptions& options) {
  platform->deploy("first", options.trace, label("first"));
  platform->deploy("second", options.trace_of_second, label("second"));
  platform->deploy("third", options.trace, label("third"));
  platform->deploy("twin", options.trace_of_second, label("twin"));
  platform->deploy("plain", "test_print");
  platform->create_sequence("chain", {"first", "second", "third"});
  platform->create_sequence("other", {"first", "third", "second"});
}

void HostileTest::end() {
  delete client;
  delete platform;
  delete build;
  client = nullptr, platform = nullptr, build = nullptr;
}

void HostileTest::SetUp() {
  attack("");
  ASSERT_TRUE(right("other"));
  ASSERT_TRUE(right("chain"));
}

void HostileTest::TearDown() {
  attack("");
  EXPECT_TRUE(right("chain"));
}

void HostileTest::attack(const std::string& name, long number) {
  fs::remove(file("attack.log"));
  if (name.empty()) return void(fs::remove(file("attack")));
  std::ofstream(file("attack.new")) << name << " " << number;
  fs::rename(file("attack.new"), file("attack"));
}

bool HostileTest::logged(const std::string& text) { return log().find(text) != std::string::npos; }

Answer HostileTest::call(const std::string& action) {
  return client->api("POST", "actions/" + action + "?blocking=true",
                     "{\"value\":" + std::to_string(++value) + "}");
}

std::string HostileTest::finished_in_background(const std::string& action) {
  const Answer accepted =
      client->api("POST", "actions/" + action, "{\"value\":" + std::to_string(++value) + "}");
  EXPECT_EQ(accepted.status, 202u) << accepted.body;
  const std::string id(json::parse(accepted.body).at("activationId").as_string());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (client->api("GET", "activations/" + id).status != 200) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "the activation has no record";
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return id;
}

bool HostileTest::is_right(const Answer& answer, const std::string& action) {
  if (answer.status != 200) return false;
  json::array trace;
  for (const std::string& step : steps_of(action)) trace.emplace_back(step + ":" + std::to_string(value));
  const json::value body = json::parse(answer.body);
  const json::object& result = body.at("response").at("result").as_object();
  const json::value* given = result.if_contains("trace");
  return given != nullptr && *given == json::value(trace);
}

bool HostileTest::right(const std::string& action) {
  const Answer answer = call(action);
  const bool good = is_right(answer, action);
  if (!good) ADD_FAILURE() << action << ": " << answer.status << " " << answer.body.substr(0, 300);
  return good;
}

void HostileTest::expect_stopped(const std::string& name, long number, const std::string& refusal,
                                 const std::string& action) {
  attack(name, number);
  const Answer answer = call(action);
  EXPECT_TRUE(logged("applied " + name)) << name << " was not tried";
  EXPECT_FALSE(logged("succeeded")) << name;
  EXPECT_NE(answer.status, 200u) << name << " " << number << ": " << answer.body.substr(0, 300);
  EXPECT_EQ(answer.body.find("trace"), std::string::npos) << answer.body.substr(0, 300);
  if (!refusal.empty()) EXPECT_TRUE(logged(refusal)) << name << " " << number << ": " << log();
}

void HostileTest::expect_wrong_answer(const std::string& name, long number, const std::string& action) {
  attack(name, number);
  const Answer answer = call(action);
  EXPECT_TRUE(logged("applied " + name)) << name << " was not tried";
  EXPECT_EQ(answer.status, 200u) << name << ": " << log() << answer.body.substr(0, 300);
  EXPECT_FALSE(is_right(answer, action)) << name << ": " << answer.body.substr(0, 300);
}

void HostileTest::expect_ran(const std::string& name, long number, const std::string& action) {
  attack(name, number);
  (void)call(action);
  EXPECT_TRUE(logged("applied " + name)) << name << " was not tried";
  EXPECT_TRUE(logged("succeeded")) << name << ": " << log();
}

}  // namespace clemmys::testing
