// What anybody on the network may send to the gateway: targets, headers and bodies, as a known user and as
// nobody, through routing, authentication, definitions and invocations with a true function behind. And what
// a host may answer to a run.
#include <boost/json.hpp>

#include "base/log.h"
#include "fuzz.h"
#include "gateway/testing/test_world.h"

namespace clemmys::fuzz {
namespace {

using namespace gateway;
using gateway::testing::TestWorld;

enum Selector : std::uint8_t { kUser, kStranger, kBytes, kHost, kSelectors };

struct World : TestWorld {
  World() {
    set_log_level(LogLevel::kError);  // each refusal is a warning
    add_action("hello");
    add_action("locked", R"([{"key":"final","value":true}])", R"([{"key":"mode","value":1}])");
    add_sequence("twice", {"hello", "hello"});
  }
};

// A response has a status that HTTP knows, and JSON that parses; an error says so in OpenWhisk's shape.
void check(const HttpResponse& response) {
  CHECK(response.status >= 200 && response.status <= 599);
  if (response.type != BodyType::kJson) return;
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 128;
  const auto body = boost::json::parse(response.body, error, {}, options);
  CHECK(!error);
  if (response.status >= 400 && response.status < 500)
    CHECK(body.at("error").is_string() && body.at("code").is_string());
}

// Input: method digit, then the target up to a line end, then the body.
void try_request(Selector selector, ByteView input) {
  World world;
  // Whatever action the target names, its own functions answer.
  world.controller.behave = [&](ByteView envelope, std::shared_ptr<RunListener> listener) {
    const ChainId chain = wire::decode_header(envelope)->chain;
    const auto snapshot = world.view.snapshot();
    for (const ActionPointer& action : snapshot->actions("guest")) {
      if (action->chain != chain) continue;
      const auto answers = world.kms.functions(action->name).answer(envelope, gateway::testing::echo);
      for (const Bytes& event : answers.events) listener->on_event(event);
      listener->on_end(wire::ControllerFrame::kDone, answers.done);
      return;
    }
    CHECK(false);
  };
  if (input.empty()) return;
  const auto method = static_cast<Method>(input[0] % 7);
  const std::string_view text = as_text(input.subspan(1));
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view body = text.substr(std::min(end + 1, text.size()));
  HttpRequest request = world.request(method, text.substr(0, end), body);
  if (selector == kStranger) request.authorization = body;
  if (selector == kBytes) request.content_type = "application/octet-stream";
  auto response = world.begin(request);
  CHECK(response->has_value());
  check(**response);
}

// The host answers a run with any bytes: never anything but a platform error.
void try_host(ByteView input) {
  World world;
  world.controller.behave = [&](ByteView, std::shared_ptr<RunListener> listener) {
    listener->on_event(input);
    listener->on_end(wire::ControllerFrame::kDone, input);
  };
  const HttpResponse response =
      world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true", "{}");
  CHECK(response.status == 500);
}

Bytes request_seed(Selector selector, Method method, std::string_view target, std::string_view body = {}) {
  Bytes out = {selector, static_cast<std::uint8_t>(method)};
  for (std::string_view part : {target, std::string_view("\n"), body})
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

std::vector<Bytes> seeds() {
  return {
      request_seed(kUser, Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true",
                   R"({"a":[1,"b"]})"),
      request_seed(kUser, Method::kPost, "/api/v1/namespaces/_/actions/twice?blocking=true", "{}"),
      request_seed(kUser, Method::kPost, "/api/v1/namespaces/guest/actions/locked?blocking=true",
                   R"({"mode":2})"),
      request_seed(
          kUser, Method::kPut, "/api/v1/namespaces/_/actions/new?overwrite=true",
          R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"memory":128},"annotations":[{"key":"k","value":1}]})"),
      request_seed(
          kUser, Method::kPut, "/api/v1/namespaces/_/actions/s",
          R"({"exec":{"kind":"sequence","components":["/_/hello"]},"parameters":[{"key":"p","value":{}}]})"),
      request_seed(kUser, Method::kGet,
                   "/api/v1/namespaces/_/activations?limit=1&skip=0&since=1&upto=2&docs=true&name=hello"),
      request_seed(kUser, Method::kGet, "/clemmys/v1/evidence?nonce=00"),
      request_seed(kStranger, Method::kGet, "/api/v1/namespaces", "Basic dTpr"),
      request_seed(kBytes, Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true", "\x01\x02"),
      tagged(kHost, as_bytes("CLE\x01\x02")),
  };
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  const auto selector = static_cast<Selector>(data[0] % kSelectors);
  if (selector == kHost) {
    try_host(input);
  } else {
    try_request(selector, input);
  }
  return 0;
}
