// Scripts at the edges of what can be deployed, on a whole platform.
#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/wait.h>
#include <zlib.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "platform.h"
#include "wire/code.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

// archive_of is a zip archive (PKWARE's APPNOTE) with two files that are stored as they are: index.js, and as
// many zeroes as make it `size` bytes.
std::string archive_of(std::string_view script, std::size_t size) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> 8 * i));
    return text;
  };
  constexpr std::size_t kLocal = 30, kCentral = 46, kEnd = 22;
  const std::string names[] = {"index.js", "padding"};
  std::size_t rest = size - script.size() - kEnd;
  for (const std::string& name : names) rest -= kLocal + kCentral + 2 * name.size();
  const std::string contents[] = {std::string(script), std::string(rest, '\0')};
  std::string files, directory;
  for (int i = 0; i < 2; ++i) {
    const std::string& content = contents[i];
    const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
    const std::string shape = number(20, 2) + number(0, 8) + number(crc, 4) + number(content.size(), 4) +
                              number(content.size(), 4) + number(names[i].size(), 2) + number(0, 2);
    directory += "PK\1\2" + number(20, 2) + shape + number(0, 10) + number(files.size(), 4) + names[i];
    files += "PK\3\4" + shape + names[i] + content;
  }
  const std::string end = std::string("PK\5\6") + number(0, 4) + number(2, 2) + number(2, 2) +
                          number(directory.size(), 4) + number(files.size(), 4) + number(0, 2);
  return files + directory + end;
}

std::string exec_of(const std::string& archive) {
  std::string base64(sodium_base64_ENCODED_LEN(archive.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(base64.data(), base64.size(), reinterpret_cast<const std::uint8_t*>(archive.data()),
                    archive.size(), sodium_base64_VARIANT_ORIGINAL);
  base64.pop_back();  // the zero
  return R"({"exec":{"kind":"nodejs:20","binary":true,"code":")" + base64 + R"("}})";
}

TEST(Scripts, TheLargestCodeDeploysAndRunsAndALargerOneIsRefused) {
  Platform platform;
  Client client = platform.client();
  const std::string script =
      "exports.main = () => ({size: require('fs').readFileSync('/action/padding').length});";
  const std::string largest = archive_of(script, wire::kCodeSizeMax);
  ASSERT_EQ(largest.size(), wire::kCodeSizeMax);
  const Answer put = client.api("PUT", "actions/largest", exec_of(largest));
  EXPECT_EQ(put.status, 200u) << put.body.substr(0, 500);
  const Answer answer = client.api("POST", "actions/largest?blocking=true&result=true", "{}");
  EXPECT_EQ(answer.status, 200u) << answer.body;
  constexpr std::size_t kBesideThePadding = 1024;
  EXPECT_GT(json::parse(answer.body).at("size").to_number<std::size_t>(),
            wire::kCodeSizeMax - kBesideThePadding);
  const Answer larger =
      client.api("PUT", "actions/larger", exec_of(archive_of(script, wire::kCodeSizeMax + 1)));
  EXPECT_EQ(larger.status, 413u) << larger.body;
}

// Folder is one of the user's, with scripts.
struct Folder {
  Folder() {
    char pattern[] = "/tmp/clemmys-script-XXXXXX";
    path = mkdtemp(pattern);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string add(const std::string& name, const std::string& content) const {
    std::ofstream(path + "/" + name) << content;
    return path + "/" + name;
  }
  std::string path;
};

struct Ran {
  int status;
  std::string output;  // and errors
};
Ran clemmys(const Folder& folder, const std::string& arguments) {
  const std::string log = folder.path + "/log";
  const int status =
      std::system((CLEMMYS_BINARY_DIR "/bin/clemmys " + arguments + " >" + log + " 2>&1").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_text(log)};
}

TEST(Scripts, ASyntaxErrorIsSaidWithItsPlaceBeforeAnythingIsSent) {
  const Folder folder;
  const std::string broken = folder.add("broken.js", "function main() {\n  let x = ;\n}\n");
  // There is no platform at all: the script is refused before one is asked for.
  for (const std::string& command :
       {"deploy --config " + folder.path + "/none " + broken, "run --local " + broken}) {
    const Ran ran = clemmys(folder, command);
    EXPECT_EQ(ran.status, 2) << ran.output;
    EXPECT_NE(ran.output.find(broken + ":2:11: SyntaxError: "), std::string::npos) << ran.output;
  }
  std::filesystem::create_directories(folder.path + "/action/lib");
  folder.add("action/package.json", R"({"main": "lib/entry.js"})");
  folder.add("action/lib/entry.js", "exports.main = () => ({});\n}\n");
  const Ran ran = clemmys(folder, "run --local " + folder.path + "/action");
  EXPECT_EQ(ran.status, 2) << ran.output;
  EXPECT_NE(ran.output.find("lib/entry.js:2:1: SyntaxError: "), std::string::npos) << ran.output;
  const std::string fine = folder.add("fine.js", "const main = () => ({fine: true});");
  EXPECT_EQ(clemmys(folder, "run --local " + fine).output, "{\"fine\":true}\n");
}

TEST(Scripts, TracesOfErrorsAreInTheSealedLogAndNotInTheAnswer) {
  struct Case {
    const char *name, *code, *error, *logged, *place;
  };
  constexpr const char* kDied = "The action did not produce a valid response and exited unexpectedly.";
  const Case cases[] = {
      {"syntax", "function main() {}\nlet x = ;", "Initialization has failed due to: SyntaxError: ",
       "Error during initialization: SyntaxError: ", "at /action/index.js:2:9"},
      {"top", "console.log('loading');\nthrow new Error('at the top');",
       "Initialization has failed due to: Error: at the top", "stdout: loading", "(/action/index.js:2:"},
      {"no_main", "const other = 1;",
       "Initialization has failed due to: Action entrypoint 'main' is not a function.",
       "Action entrypoint 'main' is not a function.", ""},
      {"late",
       "function main() {\n  setTimeout(() => { throw new Error('late'); }, 1);\n"
       "  return new Promise(() => {});\n}",
       kDied, "Uncaught Error: late", "/action/index.js:2:"},
      {"nobody",
       "function main() {\n  Promise.reject(new Error('nobody'));\n"
       "  return new Promise((done) => setTimeout(done, 1000));\n}",
       kDied, "Unhandled promise rejection: Error: nobody", "/action/index.js:2:"},
      {"thrown", "function main() {\n  throw new TypeError('mine');\n}",
       "An error has occurred: TypeError: mine", "TypeError: mine", "/action/index.js:2:"},
      {"rejects", "async function main() {\n  throw new Error('mine');\n}", "mine", "Error: mine",
       "/action/index.js:2:"},
  };
  Platform platform;
  Client client = platform.client();
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    platform.deploy_script(each.name, each.code);
    const Answer answer = client.api("POST", std::string("actions/") + each.name + "?blocking=true", "{}");
    EXPECT_EQ(answer.status, 502u);
    EXPECT_NE(answer.body.find(each.error), std::string::npos) << answer.body;
    EXPECT_EQ(answer.body.find("index.js"), std::string::npos) << answer.body;
    const std::string log = client.log_of(answer);
    EXPECT_NE(log.find(each.logged), std::string::npos) << log;
    EXPECT_NE(log.find(each.place), std::string::npos) << log;
  }
}

TEST(Scripts, PackagesGiveOnAPlatformWhatTheyGiveOnNode) {
  const std::string folder = CLEMMYS_BINARY_DIR "/src/runtime/js/packages_test/";
  Platform platform;
  Client client = platform.client();
  const Answer put = client.api("PUT", "actions/packages", exec_of(read_text(folder + "action.zip")));
  ASSERT_EQ(put.status, 200u) << put.body.substr(0, 500);
  std::istringstream expected(read_text(folder + "expected.txt"));
  int packages = 0;
  for (std::string line; std::getline(expected, line); ++packages) {
    const std::size_t tab = line.find('\t');
    const std::string name = line.substr(0, tab);
    const Answer answer =
        client.api("POST", "actions/packages?blocking=true&result=true", R"({"package":")" + name + R"("})");
    EXPECT_EQ(answer.body, line.substr(tab + 1)) << name;
  }
  EXPECT_GE(packages, 20);
}

TEST(Scripts, CodeThatFailedToLoadIsTriedAgainByAFreshInstance) {
  Platform platform;
  Client client = platform.client();
  const auto later = std::chrono::system_clock::now() + std::chrono::seconds(8);
  const auto later_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(later.time_since_epoch()).count();
  platform.deploy_script("late",
                         "if (Date.now() < " + std::to_string(later_ms) +
                             ") throw new Error('too early'); function main() { return {fine: true}; }");
  const Answer early = client.api("POST", "actions/late?blocking=true", "{}");
  EXPECT_EQ(early.status, 502u) << early.body;
  EXPECT_EQ(json::parse(early.body).at("response").at("result").at("error").as_string(),
            "Initialization has failed due to: Error: too early");
  std::this_thread::sleep_until(later + std::chrono::seconds(1));
  const Answer answer = client.api("POST", "actions/late?blocking=true&result=true", "{}");
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(answer.body, R"({"fine":true})");
}

}  // namespace
}  // namespace clemmys::testing
