// soft_platform.h: the platform under test, with machine keys in a fresh directory that goes away with it.
#pragma once

#include <cstdlib>
#include <filesystem>

#include "enclave/platform.h"

namespace clemmys::enclave::conformance {

struct SoftPlatform {
  std::string directory = [] {
    std::string name = "/tmp/clemmys-soft-XXXXXX";
    return std::string(::mkdtemp(name.data()));
  }();
  std::unique_ptr<Platform> platform = open_soft_platform(directory).value();
  ~SoftPlatform() {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
};

}  // namespace clemmys::enclave::conformance
