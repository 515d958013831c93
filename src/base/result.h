// result.h: errors as values. A function that can fail returns Result<T>; TRY unwraps or returns the error.
// An Error is a short closed list of what the caller can do, plus a stable site name. Only code and site may
// leave an enclave; `detail` is for people on the same side of the boundary and never holds secrets or user
// data.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace clemmys {

enum class ErrorCode : unsigned char {
  kInvalid = 1,      // the caller's input is wrong: fix it
  kUnauthenticated,  // who is asking is not known
  kDenied,           // known, but not allowed
  kNotFound,
  kExists,       // something by this name exists
  kConflict,     // the state changed meanwhile: read again, then retry
  kTooLarge,     // over a stated limit
  kExhausted,    // a resource ran out: retry later
  kUnavailable,  // a needed part is away: retry later
  kDeadline,     // too late
  kCorrupt,      // data failed decoding or authentication: drop it
  kUnsupported,  // this machine or version cannot
  kInternal,     // our bug, or the operating system failed us
};

// name returns the stable lower-case word of a code, e.g. "not_found".
std::string_view name(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string_view site;  // static string "area.operation.reason"
  std::string detail = {};
};

// to_string gives "code at site: detail" for logs and people.
std::string to_string(const Error& error);

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
 public:
  using std::expected<void, Error>::expected;
  Result(Error error) : std::expected<void, Error>(std::unexpected(std::move(error))) {}
};

using Status = Result<void>;

}  // namespace clemmys

// TRY(expression) yields the value of a Result, or returns its error from the enclosing function. It is a GNU
// statement expression: do not use it inside coroutines across a suspension.
#define TRY(expression)                                       \
  __extension__({                                             \
    auto try_result = (expression);                           \
    if (!try_result) [[unlikely]]                             \
      return ::clemmys::Error(std::move(try_result).error()); \
    ::clemmys::detail::unwrap(std::move(try_result));         \
  })

namespace clemmys::detail {
template <typename T>
T unwrap(Result<T>&& result) {
  return std::move(*result);
}
inline void unwrap(Result<void>&&) {}
}  // namespace clemmys::detail
