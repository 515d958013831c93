#include "wire/kinds.h"

#include <algorithm>
#include <array>

namespace clemmys::wire {
namespace {

constexpr std::array kKinds = {
    ActionKind{kNativeKind, Runtime::kNative},
    ActionKind{"nodejs:18", Runtime::kJavaScript},
    ActionKind{"nodejs:20", Runtime::kJavaScript},
    ActionKind{kSequenceKind, Runtime::kSequence},
};
constexpr std::string_view kDefaultJavaScript = "nodejs:default", kNewestJavaScript = "nodejs:20";

bool runs_by(std::string_view kind, Runtime runtime) {
  const auto found = find_kind(kind);
  return found && found->runtime == runtime;
}

}  // namespace

std::span<const ActionKind> all_kinds() { return kKinds; }

std::optional<ActionKind> find_kind(std::string_view kind) {
  const auto* found =
      std::ranges::find(kKinds, kind == kDefaultJavaScript ? kNewestJavaScript : kind, &ActionKind::name);
  return found == kKinds.end() ? std::nullopt : std::optional(*found);
}

bool is_sequence(std::string_view kind) { return runs_by(kind, Runtime::kSequence); }
bool is_native(std::string_view kind) { return runs_by(kind, Runtime::kNative); }
bool is_script(std::string_view kind) { return runs_by(kind, Runtime::kJavaScript); }

std::string unknown_kind(std::string_view kind) {
  std::string text = "kind '" + std::string(kind.substr(0, 64)) + "' not in Set(";
  for (const ActionKind& known : kKinds)
    text += (&known == kKinds.data() ? "" : ", ") + std::string(known.name);
  return text + ")";
}

}  // namespace clemmys::wire
