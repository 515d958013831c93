// The promise of the whole platform: what the untrusted side writes or sees holds nothing of the user's. A
// photograph goes through scale → detect → report, and a marked text through another function; then
// everything that was recorded, written or left in the state folder is searched for all of it in all usual
// encodings. A search that cannot find is no evidence: with CLEMMYS_COUNTERPART in the environment the
// same tests run on a gateway and functions that are linked without sealing, and must find what is sealed
// otherwise.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json.hpp>
#include <filesystem>
#include <optional>
#include <random>

#include "build_folder.h"
#include "needles.h"
#include "photos.h"
#include "platform.h"
#include "recording.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;

// sealed is false in the counterpart.
bool sealed() { return getenv("CLEMMYS_COUNTERPART") == nullptr; }

// marker is a word that occurs nowhere by chance.
std::string marker(const std::string& prefix) {
  std::random_device random;
  std::string word = prefix;
  for (int i = 0; i < 20; ++i) word += static_cast<char>('a' + random() % 26);
  return word;
}

// Secrets are what the user gave and got, by kind.
struct Secrets {
  std::string photograph, scaled, detected, report;
  std::string step_names[3] = {marker("scale-"), marker("detect-"), marker("report-")},
              sequence_name = marker("photos-");
  std::string trace_name = marker("trace-"), default_parameter = marker("label-"),
              argument = marker("argument-"), log_backwards = marker("-gol");
  std::string script_name = marker("script-"), script_text = marker("source-"),
              script_parameter = marker("default-"), script_result = marker("made-");

  // The script makes a result that is in neither its text nor its input: the marker's letters come one by
  // one.
  std::string script() const {
    std::string letters;
    for (const char letter : script_result)
      letters += std::string(letters.empty() ? "" : ",") + "'" + letter + "'";
    return "// " + script_text + "\nfunction main(p) { console.log(p.word); return { value: [" + letters +
           "].join('') + p.word.length }; }";
  }

  Secrets() : photograph(read_text(CLEMMYS_SOURCE_DIR "/examples/photos/photo.jpg")) {
    scaled = *photos::scale(as_bytes(photograph));
    detected = *photos::detect(scaled);
    report = *photos::report(detected);
  }
};

// A JPEG begins with tables that every encoder's program text holds as well.
constexpr std::size_t kJpegTables = 2'000;

class LeakTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char pattern[] = "/tmp/clemmys-leak-XXXXXX";
    directory = mkdtemp(pattern);
    secrets = new Secrets;
    activation = exercise();
    collect();
  }
  static void TearDownTestSuite() {
    delete secrets;
    fs::remove_all(directory);
    seen.clear();
  }

  // exercise runs the platform under the recorder and gives the activation id of the marked call.
  static std::string exercise() {
    PlatformOptions options;
    std::optional<BuildFolder> insecure;
    const BuildFolder::Replacements no_programs,
        insecure_images{{"gateway.sgx", "images/insecure_gateway.sgx"}, {"js.sgx", "images/insecure_js.sgx"}};
    if (!sealed()) options.program = insecure.emplace(no_programs, insecure_images).program();
    const std::string prefix = sealed() ? "" : "insecure_";
    options.wrapper = tracer(directory);
    EndOfRecording end;
    Platform platform(options);
    const char* images[] = {"photos_scale", "photos_detect", "photos_report"};
    for (int i = 0; i < 3; ++i) platform.deploy(secrets->step_names[i], prefix + images[i]);
    platform.deploy(secrets->trace_name, prefix + "test_trace",
                    R"([{"key":"label","value":")" + secrets->default_parameter +
                        R"("},{"key":"logged_backwards","value":")" + secrets->log_backwards + R"("}])");
    // A script, then the native function on what it made.
    platform.deploy_script(secrets->script_name, secrets->script(),
                           R"([{"key":"word","value":")" + secrets->script_parameter + R"("}])");
    platform.create_sequence(secrets->script_name + "-chain", {secrets->script_name, secrets->trace_name});
    platform.create_sequence(secrets->sequence_name,
                             {secrets->step_names[0], secrets->step_names[1], secrets->step_names[2]});
    Client client = platform.client();
    const Answer report =
        client.api("POST", "actions/" + secrets->sequence_name + "?blocking=true&result=true",
                   secrets->photograph, "image/jpeg");
    EXPECT_EQ(report.status, 200u) << report.body.substr(0, 300);
    EXPECT_EQ(report.body, secrets->report);
    const Answer traced = client.api("POST", "actions/" + secrets->trace_name + "?blocking=true",
                                     R"({"value":")" + secrets->argument + R"("})");
    EXPECT_EQ(traced.status, 200u) << traced.body.substr(0, 300);
    EXPECT_NE(traced.body.find(secrets->default_parameter), std::string::npos);
    const Answer scripted =
        client.api("POST", "actions/" + secrets->script_name + "-chain?blocking=true&result=true", "{}");
    EXPECT_EQ(scripted.status, 200u) << scripted.body.substr(0, 300);
    EXPECT_NE(scripted.body.find(secrets->script_result), std::string::npos) << scripted.body.substr(0, 300);
    EXPECT_NE(client.api("GET", "actions/" + secrets->script_name).body.find(secrets->script_text),
              std::string::npos);
    const std::string id(boost::json::parse(traced.body).at("activationId").as_string());
    const Answer logs = client.api("GET", "activations/" + id + "/logs");
    EXPECT_NE(logs.body.find(log_line()), std::string::npos) << logs.body.substr(0, 300);
    platform.stop();
    end.wait();
    copy_state(platform);
    return id;
  }

  // log_line is what the function logs: in no request, parameter or result.
  static std::string log_line() { return {secrets->log_backwards.rbegin(), secrets->log_backwards.rend()}; }

  // copy_state keeps what the platform leaves on the disk, except the two files that are the user's own.
  static void copy_state(const Platform& platform) {
    for (const auto& entry : fs::recursive_directory_iterator(platform.state_directory())) {
      if (!entry.is_regular_file() || entry.path().filename() == "development-key") continue;
      seen.emplace_back(entry.path().lexically_relative(platform.state_directory()).string(),
                        read_file(entry.path().string()));
    }
    seen.emplace_back("up.log", read_file(platform.log_path()));
  }

  static void collect() {
    for (const auto& entry : fs::directory_iterator(directory)) {
      seen.emplace_back(entry.path().filename().string(), decode_trace(entry.path().string()));
      fs::remove(entry.path());
    }
  }

  static std::vector<std::string> search(const Needles& needles) {
    std::vector<std::string> findings;
    for (const auto& [place, bytes] : seen) {
      for (const std::string& finding : needles.search(bytes)) findings.push_back(finding + " of " + place);
    }
    return findings;
  }

  // expect_hidden: nothing is found; without sealing, something is.
  static void expect_hidden(const Needles& needles) {
    const auto findings = search(needles);
    if (!sealed()) EXPECT_FALSE(findings.empty());
    if (!sealed()) return;
    for (std::size_t i = 0; i < findings.size() && i < 10; ++i) ADD_FAILURE() << findings[i];
  }
  static inline std::string directory, activation;
  static inline Secrets* secrets = nullptr;
  static inline std::vector<std::pair<std::string, Bytes>> seen;  // place, bytes
};

// Without this the others could pass because nothing was recorded: what is not secret must be there.
TEST_F(LeakTest, RecordingHoldsWhatTheHostMaySee) {
  const Bytes id = *from_hex(activation);
  std::size_t places = 0, bytes = 0;
  for (const auto& [place, content] : seen) {
    if (std::search(content.begin(), content.end(), id.begin(), id.end()) != content.end()) ++places;
    bytes += content.size();
  }
  EXPECT_GE(places, 4u);  // the gateway's, the node's and a function's host, the store
  EXPECT_GT(bytes, 6 * secrets->photograph.size());
}

TEST_F(LeakTest, PhotographIsHidden) {
  Needles needles;
  needles.add_data("photograph", as_bytes(secrets->photograph), kJpegTables);
  expect_hidden(needles);
}

TEST_F(LeakTest, ResultsOfEveryStepAreHidden) {
  for (const std::string* text : {&secrets->scaled, &secrets->detected, &secrets->report}) {
    Needles needles;
    needles.add_data("result of a step", as_bytes(*text), kJpegTables);
    expect_hidden(needles);
  }
}

TEST_F(LeakTest, ArgumentsAreHidden) {
  Needles needles;
  needles.add_text("argument", secrets->argument);
  expect_hidden(needles);
}

TEST_F(LeakTest, DefaultParametersAreHidden) {
  Needles needles;
  needles.add_text("default parameter", secrets->default_parameter);  // in the result of the function, too
  expect_hidden(needles);
}

TEST_F(LeakTest, LogsAreHidden) {
  Needles needles;
  needles.add_text("log line", log_line());
  expect_hidden(needles);
}

TEST_F(LeakTest, ScriptsTheirParametersAndResultsAreHidden) {
  for (const std::string* secret :
       {&secrets->script_text, &secrets->script_parameter, &secrets->script_result}) {
    Needles needles;
    needles.add_text("script", *secret);
    expect_hidden(needles);
  }
}

TEST_F(LeakTest, FunctionNamesAreHidden) {
  std::vector<std::string> names(std::begin(secrets->step_names), std::end(secrets->step_names));
  names.insert(names.end(), {secrets->trace_name, secrets->sequence_name, secrets->script_name});
  for (const std::string& name :
       names) {  // each by itself: one that is found must not hide another that cannot be
    Needles needles;
    needles.add_text("name", name);
    expect_hidden(needles);
  }
}

}  // namespace
}  // namespace clemmys::testing
