// What a function prints is in its sealed log, and nowhere in what the host wrote.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "platform.h"

namespace clemmys::testing {
namespace {

TEST(Logs, HoldWhatAFunctionPrintsAndTheHostHasNoneOfIt) {
  Platform platform;
  platform.deploy("print", "test_print");
  Client client = platform.client();
  const Answer run = client.api("POST", "actions/print?blocking=true", "{}");
  ASSERT_EQ(run.status, 200u) << run.body;
  const std::string text = client.log_of(run);
  for (const char* way :
       {"stdout: by clemmys log", "stdout: by printf", "stdout: by cout", "stderr: by cerr"}) {
    EXPECT_NE(text.find(way), std::string::npos) << way << " is missing in " << text;
  }
  platform.stop();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(platform.state_directory())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_text(entry.path()).find("by printf\n"), std::string::npos) << entry.path();
    if (entry.path().string().find("images") == std::string::npos) {  // the image itself is public
      EXPECT_EQ(read_text(entry.path()).find("by c"), std::string::npos) << entry.path();
    }
  }
}

}  // namespace
}  // namespace clemmys::testing
