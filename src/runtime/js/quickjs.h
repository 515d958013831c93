// quickjs.h: the engine's values and the names of what crosses its border.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clemmys::runtime::js {

// Value is a JSValue of 32-bit QuickJS: a tag in the upper word, or a number (quickjs.h of quickjs-ng,
// JS_NAN_BOXING). It means something to its engine only; whatever a value says, the engine can but reach its
// own memory.
struct Value {
  static constexpr std::uint32_t kUninitialized = 4;
  std::uint64_t bits = undefined().bits;

  static constexpr Value of_tag(std::uint32_t tag, std::uint32_t payload = 0) {
    return Value{std::uint64_t{tag} << 32 | payload};
  }
  static constexpr Value undefined() { return of_tag(3); }
  static constexpr Value exception() { return of_tag(6); }
  static constexpr Value integer(std::int32_t number) {
    return of_tag(0, static_cast<std::uint32_t>(number));
  }
  static constexpr Value boolean(bool value) { return of_tag(1, value ? 1 : 0); }
  constexpr std::uint32_t tag() const { return static_cast<std::uint32_t>(bits >> 32); }
  constexpr bool is_exception() const { return tag() == 6; }
  constexpr bool is_undefined() const { return tag() == 3; }
  constexpr bool is_string() const {
    return static_cast<std::int32_t>(tag()) == -7 || static_cast<std::int32_t>(tag()) == -6;
  }
  constexpr bool is_object() const { return static_cast<std::int32_t>(tag()) == -1; }
};

// Root is what the prelude gives the runtime to call (prelude/main.js), in its order.
enum class Root : std::uint8_t {
  kLoad,
  kCall,
  kPoll,
  kException,
  kRejection,
  kResolveModule,
  kModuleSource,
  kCheck
};
inline constexpr std::size_t kRootCount = 8;

// kHostFunctions are the members of the prelude's `host` object. A function's index is what Host::call gets.
inline constexpr std::array<std::string_view, 16> kHostFunctions = {
    "log",      "now",        "unixTime",   "randomFill", "randomDouble", "stat",
    "readText", "readBytes",  "list",       "evaluate",   "settled",      "builtinSource",
    "digest",   "encodeUtf8", "decodeUtf8", "memorySize"};

}  // namespace clemmys::runtime::js
