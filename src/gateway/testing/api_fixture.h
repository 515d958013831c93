// api_fixture.h: for tests: a TestWorld with short ways to ask it and to read what it answers.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/testing/test_world.h"

namespace clemmys::gateway::testing {

class ApiTest : public ::testing::Test {
 protected:
  boost::json::value sent(Method method, std::string_view target, std::string_view body = {}) {
    return boost::json::parse(world.send(method, target, body).body);
  }
  int status(Method method, std::string_view target, std::string_view body = {}) {
    return world.send(method, target, body).status;
  }
  static std::string annotation(const boost::json::value& record, std::string_view key) {
    for (const boost::json::value& pair : record.at("annotations").as_array())
      if (pair.at("key").as_string() == boost::json::string_view(key.data(), key.size()))
        return boost::json::serialize(pair.at("value"));
    return "";
  }
  static FakeHandler replies(wire::Outcome outcome, std::string body) {
    return [=](std::size_t, const wire::Payload&) {
      return FakeReply{.outcome = outcome, .body = to_bytes(body)};
    };
  }
  TestWorld world;
};

}  // namespace clemmys::gateway::testing
