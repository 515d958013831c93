// scripts.h: scripts for tests: load, call, and what came of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/js/script.h"

namespace clemmys::runtime::testing {

std::unique_ptr<Script> load(std::string_view code, std::string main = "main",
                             Isolation isolation = Isolation::kSharedState, ScriptLimits limits = {});
std::string load_failure(std::string_view code, std::string main = "main");
Reply call(Script& script, std::string_view json = "{}", std::uint64_t milliseconds = 60'000);
// answer is the JSON of an answer; fault the text of a developer's error. Anything else is shown in their
// place.
std::string answer(std::string_view code, std::string_view json = "{}");
std::string fault(std::string_view code, std::string_view json = "{}");

extern const std::string_view kInterfaces, kInterfacesAnswer;

// text_of is a file's content.
std::string text_of(const std::string& path);
// outcomes are the lines `name TAB outcome` that Node wrote at build time.
std::vector<std::pair<std::string, std::string>> outcomes(const std::string& path);

}  // namespace clemmys::runtime::testing
