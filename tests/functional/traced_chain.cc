#include "traced_chain.h"

#include <boost/json.hpp>
#include <thread>

namespace clemmys::testing {

namespace json = boost::json;

void TracedChain::deploy(const Platform& platform) const {
  std::vector<std::string> names;
  for (int step = 0; step < steps; ++step) {
    names.push_back("step" + std::to_string(step));
    json::array parameters{json::object{{"key", "label"}, {"value", names.back()}}};
    if (pause_ms > 0) parameters.push_back(json::object{{"key", "pause_ms"}, {"value", pause_ms}});
    platform.deploy(names.back(), "test_trace", json::serialize(parameters),
                    "{\"timeout\":" + std::to_string(timeout_ms) + "}");
  }
  platform.create_sequence("chain", names);
}

std::string request_body(int request) { return "{\"value\":" + std::to_string(request) + "}"; }

Outcome judge(const TracedChain& chain, int request, const Answer& answer) {
  Outcome outcome{.activation = {},
                  .text = std::to_string(answer.status) + " " + answer.body.substr(0, 1'500)};
  boost::system::error_code error;
  const json::value record = json::parse(answer.body, error);
  if (error || !record.is_object() || !record.as_object().contains("response")) return outcome;
  outcome.activation = std::string(record.at("activationId").as_string());
  const json::value& response = record.at("response");
  const json::value& result = response.at("result");
  if (response.at("status") == "whisk internal error") {
    const bool bare = result.as_object().size() == 1 && result.as_object().contains("error");
    if (bare) outcome.end = End::kPlatformError;
  } else if (response.at("status") == "success") {
    json::array trace;
    for (int step = 0; step < chain.steps; ++step)
      trace.emplace_back("step" + std::to_string(step) + ":" + std::to_string(request));
    if (result == json::value{{"value", request}, {"trace", trace}}) outcome.end = End::kRight;
  }
  return outcome;
}

Outcome look_up(const TracedChain& chain, Client& client, int request, const std::string& activation,
                std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const Answer answer = client.api("GET", "activations/" + activation);
    if (answer.status != 404 && answer.status != 503) return judge(chain, request, answer);
    if (std::chrono::steady_clock::now() > end) return {activation, End::kWrong, "lost: " + activation};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string accepted_id(const Answer& answer) {
  return std::string(json::parse(answer.body).at("activationId").as_string());
}

}  // namespace clemmys::testing
