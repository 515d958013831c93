// cli_test.cc: the frame of the command line: addresses, files, kept trust, children, and how errors become
// exit codes.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/check.h"
#include "cli/client.h"
#include "cli/outcome.h"
#include "cli/print.h"
#include "cli/process.h"
#include "cli/root_policy.h"
#include "cli/supervised.h"
#include "cli/trust_store.h"

namespace clemmys::cli {
namespace {

class CliFiles : public testing::Test {
 protected:
  TemporaryFolder folder_ = *TemporaryFolder::make();
  static unsigned mode(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }
};

TEST(CliAddress, AcceptsHttpsWithAndWithoutPort) {
  EXPECT_EQ(parse_url("https://localhost:8443")->text(), "https://localhost:8443");
  EXPECT_EQ(parse_url("https://functions.example.org/")->text(), "https://functions.example.org:443");
}

TEST(CliAddress, RefusesWhatIsNotAPlatform) {
  for (const char* text : {"", "localhost:8443", "http://localhost", "https://", "https://user:pw@host",
                           "https://host/path", "https://host/?q=1"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(CliNames, BecomePaths) {
  EXPECT_EQ(*resource("actions", "hello"), "/api/v1/namespaces/_/actions/hello");
  EXPECT_EQ(*resource("actions", "pkg/two words"), "/api/v1/namespaces/_/actions/pkg/two%20words");
  EXPECT_EQ(*resource("actions", "/ns/pkg/a?b"), "/api/v1/namespaces/ns/actions/pkg/a%3Fb");
  EXPECT_FALSE(resource("actions", "/ns"));
  EXPECT_EQ(full_name("hello"), "/_/hello");
  EXPECT_EQ(full_name("/ns/hello"), "/ns/hello");
}

TEST(CliOutput, NeverSendsControlCharactersToATerminal) {
  EXPECT_EQ(printable("a\033[2Jb\rc\n"), "a?[2Jb?c\n");
}

TEST(CliExitCode, TellsDistrustFromALostConnection) {
  EXPECT_EQ(exit_code({ErrorCode::kDenied, "cli.trust.certificate"}), ExitCode::kNotTrusted);
  EXPECT_EQ(exit_code({ErrorCode::kUnavailable, "cli.http.connection"}), ExitCode::kUnavailable);
  EXPECT_EQ(exit_code({ErrorCode::kNotFound, "cli.api.not_found"}), ExitCode::kNotFound);
}

TEST_F(CliFiles, SecretsAreReadableByTheirOwnerOnly) {
  ASSERT_TRUE(write_file(folder_.path() / "key", as_bytes("secret"), Privacy::kOwnerOnly));
  EXPECT_EQ(mode(folder_.path() / "key"), 0600U);
  ASSERT_TRUE(make_private_folder(folder_.path() / "a" / "b"));
  EXPECT_EQ(mode(folder_.path() / "a" / "b"), 0700U);
}

TEST_F(CliFiles, TooLargeFilesAreRefused) {
  ASSERT_TRUE(write_file(folder_.path() / "big", Bytes(2000)));
  EXPECT_EQ(read_file(folder_.path() / "big", 1999).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(read_file(folder_.path() / "big", 2000)->size(), 2000U);
}

TEST_F(CliFiles, TrustIsKeptPerPlatform) {
  const fs::path config = folder_.path() / "config";
  EXPECT_EQ(exit_code(find_platform(config, std::nullopt).error()), ExitCode::kNotTrusted);
  const TrustedPlatform first{.url = {"localhost", "1"},
                              .authority_der = {1, 2},
                              .root_policy = {.bytes = {3}},
                              .kms = {.bytes = {4}},
                              .software_sgx = true,
                              .verified_unix_s = 5};
  ASSERT_TRUE(keep_platform(config, first));
  ASSERT_TRUE(keep_platform(config, {.url = {"localhost", "2"}, .authority_der = {9}}));
  EXPECT_EQ(find_platform(config, std::nullopt)->authority_der, Bytes{9});
  const auto found = find_platform(config, first.url);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->authority_der, first.authority_der);
  EXPECT_EQ(found->kms, first.kms);
  EXPECT_TRUE(found->software_sgx);
  EXPECT_EQ(found->verified_unix_s, 5U);
  EXPECT_EQ(exit_code(find_platform(config, Url{"localhost", "3"}).error()), ExitCode::kNotTrusted);
}

TEST_F(CliFiles, TrustIsListedAndRemoved) {
  const fs::path config = folder_.path() / "config";
  EXPECT_TRUE(list_platforms(config)->empty());
  ASSERT_TRUE(keep_platform(config, {.url = {"b", "1"}}));
  ASSERT_TRUE(keep_platform(config, {.url = {"a", "1"}}));
  const auto both = list_platforms(config);
  ASSERT_EQ(both->size(), 2U);
  EXPECT_EQ(both->front().url.text(), "https://a:1");
  EXPECT_EQ(current_platform(config), "https://a:1");
  ASSERT_TRUE(remove_platform(config, {"a", "1"}));
  EXPECT_EQ(list_platforms(config)->size(), 1U);
  EXPECT_EQ(find_platform(config, std::nullopt).error().site, "cli.trust.none");
  EXPECT_EQ(remove_platform(config, {"a", "1"}).error().site, "cli.trust.none");
}

TEST(CliOutput, SaysTimesInUtc) { EXPECT_EQ(utc(1'767'225'600), "2026-01-01T00:00:00Z"); }

TEST_F(CliFiles, CredentialsAreKeptPerPlatformAndPrivate) {
  const fs::path config = folder_.path() / "config";
  ASSERT_TRUE(keep_credential(config, {"a", "1"}, "u:k"));
  ASSERT_TRUE(keep_credential(config, {"b", "1"}, "v:l"));
  EXPECT_EQ(*find_credential(config, {"a", "1"}), "u:k");
  EXPECT_EQ(mode(config / "credentials.json"), 0600U);
  EXPECT_EQ(find_credential(config, {"a", "2"}).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(CliFiles, AChildsEndAndLastWordsAreSeen) {
  auto child = Child::start("part", {"/bin/sh", "-c", "echo last words; exit 3"}, folder_.path(),
                            folder_.path() / "log");
  ASSERT_TRUE(child);
  while (!child->ended()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(*child->ended(), "exit status 3");
  EXPECT_NE(last_lines(child->log(), 3).find("last words"), std::string::npos);
}

TEST_F(CliFiles, AStubbornChildIsEnded) {
  auto child = Child::start("part", {"/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"},
                            folder_.path(), folder_.path() / "log");
  ASSERT_TRUE(child);
  while (last_lines(child->log(), 1).find("up") == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  child->end(std::chrono::milliseconds(50));
  EXPECT_EQ(*child->ended(), "signal 9");
}

// SupervisedTest has a part that runs until the file `end` is there.
class SupervisedTest : public CliFiles {
 protected:
  Supervised start() {
    const std::string script =
        "until [ -e " + (folder_.path() / "end").string() + " ]; do sleep 0.01; done; echo words";
    auto started = Supervised::start({"part",
                                      {"/bin/sh", "-c", script},
                                      [this] { return ready_; },
                                      [this]() -> Status { return ++prepared_, Status(); }},
                                     folder_.path() / "log", now_);
    CHECK(started && started->became_ready());
    return std::move(*started);
  }
  void end(Supervised& part) {
    std::ofstream(folder_.path() / "end");
    while (!part.child().ended()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    fs::remove(folder_.path() / "end");
  }
  Supervised::Time now_{};
  bool ready_ = true;
  int prepared_ = 0;  // times
};

TEST_F(SupervisedTest, APartThatEndedIsStartedAgainAtOnceAndTheUserIsTold) {
  Supervised part = start();
  EXPECT_EQ(*part.look(now_), std::nullopt);
  const pid_t before = part.child().pid();
  end(part);
  EXPECT_NE((**part.look(now_)).find("part ended by itself with exit status 0"), std::string::npos);
  EXPECT_FALSE(part.settled());
  EXPECT_EQ(*part.look(now_), std::nullopt);
  EXPECT_NE(part.child().pid(), before);
  ready_ = false;
  EXPECT_EQ(*part.look(now_), std::nullopt);
  ready_ = true;
  EXPECT_EQ(**part.look(now_), "part runs again");
  EXPECT_TRUE(part.settled());
  EXPECT_EQ(prepared_, 2);
}

TEST_F(SupervisedTest, OneThatKeepsEndingGetsPausesAndIsGivenUpWithItsLastWords) {
  Supervised part = start();
  for (unsigned ends = 1; ends < Supervised::kEndsMax; ++ends) {
    end(part);
    ASSERT_TRUE(part.look(now_)->has_value());
    if (ends > 1) {
      ASSERT_TRUE(part.look(now_));
      EXPECT_TRUE(part.child().ended()) << "no pause after end " << ends;
    }
    now_ += std::chrono::seconds(3);
    ASSERT_TRUE(part.look(now_));
    EXPECT_FALSE(part.child().ended());
  }
  end(part);
  const auto given_up = part.look(now_);
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(given_up.error().detail.find("words"), std::string::npos);
}

TEST_F(SupervisedTest, ALongLifeForgivesEarlierEnds) {
  Supervised part = start();
  for (unsigned ends = 0; ends < 2 * Supervised::kEndsMax; ++ends) {
    now_ += Supervised::kLongLife;
    end(part);
    ASSERT_TRUE(part.look(now_));
    ASSERT_TRUE(part.look(now_));
  }
}

TEST(CliRootPolicy, NamesWhatWeakensIt) {
  const std::string text = to_yaml({.kms = {.bytes = {1}},
                                    .gateway = {.bytes = {2}},
                                    .javascript = {.bytes = {3}},
                                    .names = {"localhost"},
                                    .software_root_der = {3}});
  EXPECT_NE(text.find("insecure_accept_software_sgx: true"), std::string::npos);
  EXPECT_NE(text.find("insecure_file_anchor: true"), std::string::npos);
}

}  // namespace
}  // namespace clemmys::cli
