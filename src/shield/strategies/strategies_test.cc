// One program under each strategy: the same output, and the events that tell the strategies apart.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "base/bytes.h"
#include "enclave/image.h"

namespace clemmys {
namespace {

struct Outcome {
  std::string output;
  std::map<std::string, unsigned long> events;
  int status = -1;
};

class Strategies : public testing::Test {
 protected:
  Strategies() {
    std::string pattern = testing::TempDir() + "/clemmys-strategies-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~Strategies() override { std::filesystem::remove_all(directory_); }

  Outcome run(const std::string& image, const std::string& arguments, const std::string& options = "") {
    const std::string command = "env -i " CLEMMYS_BINARY_DIR
                                "/bin/clemmys-host --stats --platform soft --soft-state " +
                                directory_ + "/soft " + options + " " CLEMMYS_BINARY_DIR "/images/startup_" +
                                image + ".sgx -- " + arguments + " 2>" + directory_ + "/stats";
    Outcome outcome;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
      outcome.output.append(buffer, got);
    const int status = pclose(pipe);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    read_events(outcome.events);
    return outcome;
  }

  std::string directory_;

 private:
  void read_events(std::map<std::string, unsigned long>& events) {
    FILE* file = fopen((directory_ + "/stats").c_str(), "r");
    char line[256], name[32];
    for (unsigned long value; fgets(line, sizeof line, file) != nullptr;) {
      if (sscanf(line, "modelled cycles %lu", &value) == 1) events["modelled cycles"] = value;
      if (sscanf(line, "%31[A-Z] %lu", name, &value) == 2 &&
          std::string(line).find("  ") == std::string::npos)
        events[name] = value;
    }
    fclose(file);
  }
};

std::string file_of(const std::string& image) {
  std::ifstream file(CLEMMYS_BINARY_DIR "/images/startup_" + image + ".sgx", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST_F(Strategies, AnImageThatNamesNoneIsThatOfBatches) {
  EXPECT_TRUE(file_of("default") == file_of("sgx2-batch"));
  EXPECT_FALSE(file_of("default") == file_of("sgx2-commit"));
}

TEST_F(Strategies, AreChosenByEachImage) {
  using shield::HeapStrategy;
  const std::pair<const char*, HeapStrategy> images[] = {
      {"sgx1-measured", HeapStrategy::kSgx1},   {"sgx1-unmeasured", HeapStrategy::kSgx1},
      {"sgx2-fault", HeapStrategy::kSgx2Fault}, {"sgx2-accept-first", HeapStrategy::kSgx2AcceptFirst},
      {"sgx2-batch", HeapStrategy::kSgx2Batch}, {"sgx2-commit", HeapStrategy::kSgx2Commit}};
  for (const auto& [image, strategy] : images) {
    const auto layout = enclave::layout_of(as_bytes(file_of(image)));
    ASSERT_TRUE(layout) << image;
    EXPECT_EQ(static_cast<HeapStrategy>(layout->heap_strategy), strategy) << image;
  }
}

constexpr char kExpected[] =
    "started\npages that were not zero: 0\npages that were not zero the second time: 0\nthreads that ran at "
    "once: 3\n";
constexpr unsigned long kPages = 16 * 256;  // of 16 MiB

TEST_F(Strategies, EachGivesTheSameAnswers) {
  for (const char* image :
       {"sgx1-measured", "sgx1-unmeasured", "sgx2-fault", "sgx2-accept-first", "sgx2-batch", "sgx2-commit"}) {
    const Outcome outcome = run(image, "8 3 twice");
    EXPECT_EQ(outcome.output, kExpected) << image;
    EXPECT_EQ(outcome.status, 0) << image;
  }
}

TEST_F(Strategies, StaticHeapsAreAddedBeforeTheStartAndNeverGrow) {
  for (const char* image : {"sgx1-measured", "sgx1-unmeasured"}) {
    const auto events = run(image, "16 6").events;
    EXPECT_GT(events.at("EADD"), 2 * kPages);
    EXPECT_EQ(events.at("EAUG") + events.at("EACCEPT"), 0u) << image;
    const Outcome too_much = run(image, "64 1");
    EXPECT_EQ(too_much.status, 3);
    EXPECT_EQ(too_much.output, "started\nno memory\n");
  }
  EXPECT_GT(run("sgx1-measured", "0 1").events.at("EEXTEND"), 16 * 2 * kPages);
  EXPECT_LT(run("sgx1-unmeasured", "0 1").events.at("EEXTEND"), 16 * kPages);
}

TEST_F(Strategies, FaultsComeOneAPageOrOneAWindow) {
  const auto fault = run("sgx2-fault", "16 1").events, first = run("sgx2-accept-first", "16 1").events,
             batch = run("sgx2-batch", "16 1").events, commit = run("sgx2-commit", "16 1").events;
  EXPECT_GT(fault.at("AEX"), 2 * kPages);  // absent, then PENDING
  EXPECT_GT(fault.at("EENTER"), kPages);   // to the handler
  EXPECT_GT(first.at("AEX"), kPages);      // absent
  EXPECT_LT(first.at("EENTER"), kPages / 4);
  EXPECT_LT(batch.at("AEX"), kPages / 16);
  EXPECT_LT(batch.at("EENTER"), kPages / 8);
  EXPECT_LT(commit.at("EENTER"), batch.at("EENTER"));
  for (const auto& events : {fault, first, batch, commit}) EXPECT_GE(events.at("EACCEPT"), kPages);
}

TEST_F(Strategies, BatchesCostAtMostHalfOfFaultsByTheModel) {
  const auto modelled = [&](const char* image) {
    return static_cast<double>(run(image, "256 1").events.at("modelled cycles"));
  };
  const double batch = modelled("sgx2-batch");
  EXPECT_LT(batch, 0.5 * modelled("sgx2-fault"));
  EXPECT_LT(batch, 0.65 * modelled("sgx2-accept-first"));
}

TEST_F(Strategies, ManyFreedPagesGoBackAndFewAreKept) {
  const auto many = run("sgx2-batch", "96 1 twice").events, few = run("sgx2-batch", "16 1 twice").events;
  EXPECT_GE(many.at("EREMOVE"), 96u * 256);
  EXPECT_EQ(many.at("EREMOVE"), many.at("EMODT"));
  EXPECT_EQ(few.at("EREMOVE"), 0u);
  EXPECT_LT(few.at("EAUG"), 2 * kPages);
}

TEST_F(Strategies, PagingIsCountedWithTheOtherEvents) {
  const auto events = run("sgx2-batch", "16 1", "--soft-epc-mib 8").events;
  EXPECT_GT(events.at("EWB"), kPages / 2);
  EXPECT_EQ(events.at("EBLOCK"), events.at("EWB"));
  for (const char* name : {"ETRACK", "ELDU", "EPA"}) EXPECT_GT(events.at(name), 0u) << name;
}

TEST_F(Strategies, ThreadsBeyondTheFirstBecomeTcsPagesOnDemand) {
  const auto one = run("sgx2-batch", "0 1").events, six = run("sgx2-batch", "0 6").events;
  EXPECT_EQ(one.at("EMODT"), 0u);
  EXPECT_EQ(six.at("EMODT"), 5u);
  EXPECT_EQ(one.at("EADD"), six.at("EADD"));
}

}  // namespace
}  // namespace clemmys
