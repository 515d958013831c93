// `clemmys run --local`: the same limits and words as on a platform, and nothing that remains.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "command_line.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;
const std::string kMisbehave = CLEMMYS_BINARY_DIR "/bin/test-misbehave ";

TEST(LocalRun, LimitsTimeAsThePlatformDoes) {
  const Folder folder;
  const std::string script = folder.write("loop.js", "function main() { for (;;); }");
  const std::string words = R"({"error":"The action exceeded its time limits of 500 milliseconds."})"
                            "\n";
  for (const std::string& what : {script, kMisbehave + "-p do loop"}) {
    const Ran ran = run("run --local --timeout 500 " + what);
    EXPECT_EQ(ran.status, 1) << what;
    EXPECT_NE(ran.output.find(words), std::string::npos) << ran.output;
  }
  EXPECT_EQ(run("run --local --timeout 99 " + script).status, 2);
}

TEST(LocalRun, LimitsMemoryAsThePlatformDoes) {
  const std::string words = R"({"error":"The action exhausted its memory and was aborted."})";
  const Ran more = run("run --local --memory 128 " + kMisbehave + "-p do allocate");
  EXPECT_EQ(more.status, 1);
  EXPECT_NE(more.output.find(words), std::string::npos) << more.output;
  const Folder folder;
  const std::string script =
      folder.write("much.js", "function main() { return {size: new Uint8Array(150 << 20).length}; }");
  EXPECT_EQ(run("run --local --memory 128 " + script).status, 1);
  EXPECT_EQ(run("run --local " + script).status, 0);
}

TEST(LocalRun, ACrashHasThePlatformsWords) {
  const Ran ran = run("run --local " + kMisbehave + "-p do abort");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.output.find("The action did not produce a valid response and exited unexpectedly."),
            std::string::npos)
      << ran.output;
}

TEST(LocalRun, AJsonAnswerEndsWithANewline) {
  const Folder folder;
  const Ran ran = run("run --local " + folder.write("a.js", "function main(p) { return p; }") + " -p a 1");
  EXPECT_EQ(ran.output, "{\"a\":1}\n");
}

TEST(LocalRun, SaysWhyWhatIsNoProgramDoesNotRun) {
  const Folder folder;
  fs::copy_file(CLEMMYS_BINARY_DIR "/images/example_hello.sgx", folder.path + "/saved");
  const Ran image = run("run --local " + folder.path + "/saved");
  EXPECT_EQ(image.status, 2);
  EXPECT_NE(image.output.find("an image runs in an enclave only"), std::string::npos) << image.output;
  const Ran text = run("run --local " + folder.write("notes", "notes"));
  EXPECT_EQ(text.status, 2);
  EXPECT_NE(text.output.find("is not a program"), std::string::npos) << text.output;
}

// started runs a script that never ends, with a parameter, in a temporary folder of its own.
pid_t started(const std::string& script, const std::string& temporary) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  setenv("TMPDIR", temporary.c_str(), 1);
  execl(CLEMMYS_BINARY_DIR "/bin/clemmys", "clemmys", "run", "--local", script.c_str(), "-p", "password",
        "correct-horse", static_cast<char*>(nullptr));
  _exit(127);
}

bool holds(const std::string& folder, const std::string& text) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (content.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(LocalRun, LeavesNothingWhenASignalEndsIt) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL}) {
    const Folder folder, temporary;
    const std::string script = folder.write("loop.js", "function main() { for (;;); }");
    const pid_t pid = started(script, temporary.path);
    while (fs::is_empty(temporary.path)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_FALSE(holds(temporary.path, "correct-horse"));
    kill(pid, signal);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_FALSE(holds(temporary.path, "correct-horse"));
    if (signal != SIGKILL) EXPECT_TRUE(fs::is_empty(temporary.path)) << "signal " << signal;
  }
}

}  // namespace
}  // namespace clemmys::testing
