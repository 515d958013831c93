// The tests of the sandbox and of scripts, once more, as one program inside an enclave (js-tests).
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

const std::string kBinaries = CLEMMYS_BINARY_DIR;

struct Folder {
  Folder() : path(testing::TempDir() + "/clemmys-js-XXXXXX") { EXPECT_NE(mkdtemp(path.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

struct Ran {
  int status;
  std::string output;  // and errors
};
Ran run(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, output};
}
Ran run_tests(const Folder& folder, const std::string& image) {
  return run("env -i " + kBinaries + "/bin/clemmys-host --platform soft --soft-state " + folder.path +
             "/soft " + image + " -- --gtest_brief=1");
}

TEST(ScriptsInAnEnclave, PassTheSameTests) {
  const Folder folder;
  const Ran ran = run_tests(folder, kBinaries + "/images/js_tests.sgx");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("[  PASSED  ]"), std::string::npos) << ran.output;
}

// Memory of SGX1 is all there at the start: guards have no room.
TEST(ScriptsInAnEnclave, AStaticHeapIsRefusedWithItsReason) {
  const Folder folder;
  std::ofstream(folder.path + "/manifest.yaml") << "threads: 4\nstack: 8M\nheap: 64M\nmemory_strategy: "
                                                   "sgx1-unmeasured\nproduct_id: 1\nsecurity_version: 1\n"
                                                   "debug: false\nnetwork: false\nallowed_paths: []\n";
  const std::string image = folder.path + "/static.sgx";
  const Ran packed = run(kBinaries + "/bin/clemmys-pack --program " + kBinaries +
                         "/bin/js-tests --manifest " + folder.path + "/manifest.yaml --output " + image);
  ASSERT_EQ(packed.status, 0) << packed.output;
  const Ran ran = run_tests(folder, image);
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_NE(ran.output.find("a sandbox needs 8 GiB of address space for its guards"), std::string::npos)
      << ran.output;
}

}  // namespace
