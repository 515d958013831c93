// script.h: JavaScript on the user's disk: one file, a folder, or a zip archive.
#pragma once

#include <string>

#include "cli/files.h"

namespace clemmys::cli {

struct ScriptCode {
  Bytes bytes;  // text, or an archive
  bool is_zip = false;
};

// is_script tells a script from an image and from C++ by its name: .js, .mjs, .cjs, .zip, or a folder.
bool is_script(const fs::path& path);
// script_kind is exec.kind for what the user calls it: "js" and "" are OpenWhisk's default kind.
std::string script_kind(const std::string& wanted);

// read_script gives what is deployed. A folder needs a package.json or an index.js; it becomes an archive of
// its files in the order of their names, with one fixed time, so that the same files give the same code. Left
// out: .git, and links to folders. kTooLarge over the platform's 48 MiB.
Result<ScriptCode> read_script(const fs::path& path);
// check_script compiles the file that has the function `main` with the platform's own engine, here and
// without running it. kInvalid where it has an error; the engine says it, with file, line and column, on
// standard error.
Status check_script(const ScriptCode& code, const fs::path& path, const std::string& main);

}  // namespace clemmys::cli
