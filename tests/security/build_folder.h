// build_folder.h: a folder that looks like a build to `clemmys up`, in which some programs and images are
// others.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace clemmys::testing {

class BuildFolder {
 public:
  // Keys are names under bin/ and images/ (with ".sgx"); values are paths below the real build folder.
  using Replacements = std::map<std::string, std::string>;
  BuildFolder(const Replacements& programs, const Replacements& images);
  ~BuildFolder();
  BuildFolder(const BuildFolder&) = delete;
  BuildFolder& operator=(const BuildFolder&) = delete;

  // program is the `clemmys` that takes this folder for its own.
  std::string program() const { return (root_ / "bin/clemmys").string(); }

 private:
  std::filesystem::path root_;
};

}  // namespace clemmys::testing
