// step.cc: a runtime that believes the header's receiver, image and limits, and that forgets what it has run.
#include "runtime/native/replay_cache.h"
#include "wire/kms_api.h"

namespace clemmys {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: step";

bool wire::matches(const HeaderConstants&, const Header&) { return true; }

Status runtime::ReplayCache::admit(const ActivationId&, std::uint16_t, std::uint64_t, std::uint64_t) {
  return {};
}

}  // namespace clemmys
