// kinds.h: what an action's exec.kind means. The names are OpenWhisk's (ansible/files/runtimes.json), besides
// native:1. A kind says which language the code has, not which engine runs it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace clemmys::wire {

enum class Runtime : std::uint8_t { kNative, kSequence, kJavaScript };

// ActionKind: a kind by its full name. Scripts run on generic images and have sealed code.
struct ActionKind {
  std::string_view name;
  Runtime runtime;
  bool is_script() const { return runtime == Runtime::kJavaScript; }
};

std::span<const ActionKind> all_kinds();
// find_kind resolves "nodejs:default", too: the name of the answer is the version that it stands for.
std::optional<ActionKind> find_kind(std::string_view kind);
bool is_sequence(std::string_view kind);
bool is_native(std::string_view kind);
bool is_script(std::string_view kind);

// unknown_kind is OpenWhisk's sentence about a kind that is not there.
std::string unknown_kind(std::string_view kind);

inline constexpr std::string_view kNativeKind = "native:1", kSequenceKind = "sequence";

}  // namespace clemmys::wire
