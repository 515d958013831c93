// Programs in enclaves through the kernel's interface, as `softsgx run` gives it: the linux port end to end.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

struct Outcome {
  std::string output;
  int status = -1;
};

Outcome run(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen(("env -i " + command + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    outcome.output.append(buffer, got);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

TEST(Driver, RunsProgramsThroughTheKernelsInterface) {
  std::string pattern = testing::TempDir() + "/clemmys-driver-XXXXXX";
  const std::string directory = mkdtemp(pattern.data()), binaries = CLEMMYS_BINARY_DIR;
  for (const std::string name : {"hello", "memory", "threads"}) {
    const Outcome inside =
        run(binaries + "/bin/softsgx run --state " + directory + "/soft " + binaries +
            "/bin/clemmys-host --platform linux " + binaries + "/images/shield_" + name + ".sgx -- one two");
    const Outcome outside = run(binaries + "/bin/shield_" + name + " one two");
    EXPECT_EQ(inside.output, outside.output) << name;
    EXPECT_EQ(inside.status, outside.status) << name;
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
