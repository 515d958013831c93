// hostile_platform.h: the fixture of the attack tests: a platform whose node is hostile_node and whose host
// processes are hostile_host, with the chain first → second → third, another order of the same functions
// ("other"), and "twin", another function with second's image. A test moves the hand by `attack`, sends
// requests, and reads in attack.log what happened.
#pragma once

#include <gtest/gtest.h>

#include "../functional/platform.h"
#include "build_folder.h"

namespace clemmys::testing {

// HostileOptions: what takes the place of which image, for counterparts, and which images the steps run.
struct HostileOptions {
  BuildFolder::Replacements images = {};
  std::string trace = "test_trace", trace_of_second = "test_trace";
};

class HostileTest : public ::testing::Test {
 protected:
  static void start(const HostileOptions& options);
  static void end();

  // Before and after each attack, honest requests are answered rightly: no attack does lasting damage.
  void SetUp() override;
  void TearDown() override;

  static std::string file(const std::string& name) { return platform->state_directory() + "/" + name; }
  static void attack(const std::string& name, long number = 0);
  static bool logged(const std::string& text);
  static std::string log() { return read_text(file("attack.log")); }
  static void deploy_chain(const HostileOptions& options);

  // call sends a value that no call before had.
  static Answer call(const std::string& action = "chain");
  // finished_in_background gives the id of an activation that had a pending record, and now has a finished
  // one.
  static std::string finished_in_background(const std::string& action);
  // is_right is whether an answer is the result of the latest call.
  static bool is_right(const Answer& answer, const std::string& action = "chain");
  static bool right(const std::string& action);

  // expect_stopped: the attack was tried, `refusal` was logged by the node, and the client saw a failure.
  static void expect_stopped(const std::string& name, long number, const std::string& refusal,
                             const std::string& action = "chain");
  // expect_succeeds: the client took a wrong answer for a right one.
  static void expect_wrong_answer(const std::string& name, long number = 0,
                                  const std::string& action = "chain");
  // expect_ran: an instance gave an output for what it should have refused.
  static void expect_ran(const std::string& name, long number = 0, const std::string& action = "chain");

  static inline BuildFolder* build = nullptr;
  static inline Platform* platform = nullptr;
  static inline Client* client = nullptr;
  static inline int value = 100;  // three digits, so that a bit of the last one can be changed
};

}  // namespace clemmys::testing
