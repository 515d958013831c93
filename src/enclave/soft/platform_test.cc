#include <gtest/gtest.h>
#include <sys/stat.h>

#include "enclave/conformance/soft_platform.h"

namespace clemmys::enclave {
namespace {

using conformance::SoftPlatform;

TEST(Machine, KeysAreForTheOwnerOnly) {
  SoftPlatform fresh;
  struct stat status{};
  ASSERT_EQ(::stat(fresh.directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  const std::string key = fresh.directory + "/machine.key";
  ASSERT_EQ(::stat(key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  const auto again = open_soft_platform(fresh.directory);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kDenied);
}

TEST(Machine, RefusesAKeyFileCutShort) {
  SoftPlatform fresh;
  std::filesystem::resize_file(fresh.directory + "/machine.key", 10);
  const auto again = open_soft_platform(fresh.directory);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace clemmys::enclave
