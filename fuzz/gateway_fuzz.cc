// What anybody on the network may send to the gateway: targets, headers and bodies, as a known user and as
// nobody, through routing, authentication, definitions and invocations with a true function behind. And what
// a host may answer to a run.
#include "fuzz.h"
#include "gateway_world.h"

namespace clemmys::fuzz {
namespace {

using namespace gateway;

enum Selector : std::uint8_t { kUser, kStranger, kBytes, kHost, kSelectors };

// Input: method digit, then the target up to a line end, then the body.
void try_request(Selector selector, ByteView input) {
  GatewayWorld world;
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
  check_response((*response)->status, (*response)->type == BodyType::kJson, (*response)->body);
}

// The host answers a run with any bytes: never anything but a platform error.
void try_host(ByteView input) {
  GatewayWorld world;
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
