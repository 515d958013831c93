// The tests of the sandbox and of scripts, once more, as one program inside an enclave (js-tests).
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

TEST(ScriptsInAnEnclave, PassTheSameTests) {
  std::string folder = testing::TempDir() + "/clemmys-js-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string binaries = CLEMMYS_BINARY_DIR;
  const std::string command = "env -i " + binaries + "/bin/clemmys-host --platform soft --soft-state " +
                              folder + "/soft " + binaries + "/images/js_tests.sgx -- --gtest_brief=1 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
  const int status = pclose(pipe);
  std::filesystem::remove_all(folder);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  EXPECT_NE(output.find("[  PASSED  ]"), std::string::npos) << output;
}

}  // namespace
