#include "build_folder.h"

#include <stdlib.h>

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kReal = CLEMMYS_BINARY_DIR;

std::string replaced(const BuildFolder::Replacements& replacements, const std::string& folder,
                     const std::string& name) {
  const auto found = replacements.find(name);
  return (kReal / (found == replacements.end() ? folder + "/" + name : found->second)).string();
}

}  // namespace

BuildFolder::BuildFolder(const Replacements& programs, const Replacements& images) {
  char pattern[] = "/tmp/clemmys-build-XXXXXX";
  root_ = mkdtemp(pattern);
  fs::create_directory(root_ / "bin");
  fs::create_directory(root_ / "images");
  // Copies, because a program finds its neighbours beside its own file.
  for (const std::string name : {"clemmys", "clemmys-host", "clemmys-node"}) {
    fs::copy_file(replaced(programs, "bin", name), root_ / "bin" / name);
  }
  for (const auto& entry : fs::directory_iterator(kReal / "images")) {
    const std::string name = entry.path().filename().string();
    fs::create_symlink(replaced(images, "images", name), root_ / "images" / name);
  }
}

BuildFolder::~BuildFolder() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

}  // namespace clemmys::testing
