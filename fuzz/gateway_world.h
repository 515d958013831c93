// gateway_world.h: for targets of the gateway: an API with some actions, whose functions answer truly, and
// what every answer must be.
#pragma once

#include <boost/json.hpp>
#include <functional>

#include "base/log.h"
#include "gateway/testing/test_world.h"

namespace clemmys::fuzz {

struct GatewayWorld : gateway::testing::TestWorld {
  // on_step sees each payload that a function gets.
  std::function<void(const wire::Payload&)> on_step;

  explicit GatewayWorld(gateway::ApiLimits limits = {}) : TestWorld(limits) {
    set_log_level(LogLevel::kError);  // each refusal is a warning
    add_action("hello");
    add_action("locked", R"([{"key":"final","value":true}])", R"([{"key":"mode","value":1}])");
    add_sequence("twice", {"hello", "hello"});
    controller.behave = [this](ByteView envelope, std::shared_ptr<gateway::RunListener> listener) {
      run(envelope, *listener);
    };
  }

 private:
  // run lets the functions of whatever action the envelope is for answer it.
  void run(ByteView envelope, gateway::RunListener& listener) {
    const ChainId chain = wire::decode_header(envelope)->chain;
    const auto snapshot = view.snapshot();
    for (const gateway::ActionPointer& action : snapshot->actions("guest")) {
      if (action->chain != chain) continue;
      const auto answers =
          kms.functions(action->name).answer(envelope, [this](std::size_t step, const wire::Payload& input) {
            if (on_step) on_step(input);
            return gateway::testing::echo(step, input);
          });
      for (const Bytes& event : answers.events) listener.on_event(event);
      listener.on_end(wire::ControllerFrame::kDone, answers.done);
      return;
    }
    CHECK(false);
  }
};

// check_response: a status that HTTP knows, and JSON that parses; an error says so in OpenWhisk's shape.
inline void check_response(int status, bool json, std::string_view body) {
  CHECK(status >= 200 && status <= 599);
  if (!json) return;
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 128;
  const auto value =
      boost::json::parse(boost::json::string_view(body.data(), body.size()), error, {}, options);
  CHECK(!error);
  if (status >= 400 && status < 500) CHECK(value.at("error").is_string() && value.at("code").is_string());
}

}  // namespace clemmys::fuzz
