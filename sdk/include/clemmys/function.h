// function.h: write a confidential function in C++. A function is a program whose main() calls clemmys::serve
// with a handler. Packed by `clemmys build`, it runs in an SGX enclave; started by hand it runs as an
// ordinary process (request on stdin, answer on stdout).
//
//   #include <clemmys/function.h>
//   int main() {
//     return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
//       return clemmys::Response::json(R"({"greeting":"Hello"})");
//     });
//   }
//
// Nothing that a handler is given or returns is seen by the host. Never compile a secret in: the image itself
// is public.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clemmys {

enum class ContentType : std::uint8_t { kJson = 1, kOctets = 2 };

// Context is what is known of this call. Times are the host's claim.
struct Context {
  std::string activation_id;   // 32 lower-case hexadecimal digits
  std::string action_name;     // "/namespace/name"
  std::string action_version;  // "0.0.1"
  std::string namespace_name;
  std::uint64_t deadline_unix_ms = 0;  // of this step: its start and its time limit
};

// Request is one invocation. Views are valid until the handler returns.
struct Request {
  ContentType content_type = ContentType::kJson;
  std::span<const std::uint8_t> body;
  Context context;
  // parameters_json: the action's default parameters as a JSON object. For a JSON request they are merged
  // into `body` already.
  std::string_view parameters_json = "{}";

  // json is the body as JSON text (always an object) when content_type is kJson, else empty.
  std::string_view json() const {
    if (content_type != ContentType::kJson) return {};
    return {reinterpret_cast<const char*>(body.data()), body.size()};
  }
};

// Response is what goes on to the next step, or back to the client.
struct Response {
  ContentType content_type = ContentType::kJson;
  std::vector<std::uint8_t> body;

  // json takes the text of a JSON object. A top-level "error" ends the chain as an application error.
  static Response json(std::string_view text);
  static Response bytes(std::vector<std::uint8_t> body);
};

// Failure ends the chain as an application error; its text goes to the client, sealed.
struct Failure {
  std::string message;
};
template <typename T>
using Result = std::expected<T, Failure>;
inline std::unexpected<Failure> fail(std::string message) {
  return std::unexpected(Failure{std::move(message)});
}

using Handler = std::function<Result<Response>(const Request&)>;

// serve runs until the platform ends the instance; its value is the program's exit status. One request at a
// time. An exception that leaves the handler is a developer error: the client learns that, the encrypted log
// has its text.
int serve(Handler handler);

// log adds a line to this activation's encrypted log. Lines on std::cout and std::cerr go there, too.
void log(std::string_view line);

}  // namespace clemmys
