// The proof that the table of lies is complete: calls to the host, calls of the program, checks in the
// shield.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr auto kFirstOwn = static_cast<std::uint64_t>(OwnCall::kAugment);

// What is tested elsewhere: on true enclaves, mostly.
const std::map<std::string, std::string> kElsewhere = {
    {"augment", "LyingAboutPages.PagesThatWereNotAddedComeByEaccept"},
    {"trim", "LyingAboutPages.TrimmingThatDidNotHappenStops"},
    {"remove", "Pages.StopWhenRemovingFails"},
    {"make_tcs", "LyingAboutPages.ATcsThatIsNoneStops"},
    {"restrict", "LyingAboutPages.PermissionsThatWereNotTakenStop"},
    {"permissions.restrict", "LyingAboutPages.PermissionsThatWereNotTakenStop"},
    {"permissions.restricted", "LyingAboutPages.PermissionsThatWereNotTakenStop"},
    {"memory.refused", "LyingAboutPages.RefusedMemoryStops"},
    {"memory.page_taken", "LyingAboutPages.PagesOfTheShieldThatAreTakenStop"},
    {"pages.trim", "LyingAboutPages.TrimmingThatDidNotHappenStops"},
    {"pages.remove", "Pages.StopWhenRemovingFails"},
    {"slots.accept", "LyingAboutPages.ATcsThatIsNoneStops"},
    {"pages.accept", "Pages.StopWhenThePageIsOfAnotherKind"},
    {"host.thread_block", "ShieldEntry.RefusesMailboxesInsideTheEnclave"},
    {"host.bounce", "ShieldEntry.RefusesBounceBuffersThatReachIntoTheEnclave"},
    {"start.arguments", "ShieldEntry.RefusesArgumentsThatReachIntoTheEnclave"},
    {"start.argument_count", "ShieldEntry.RefusesMoreArgumentsThanThereAreTexts"},
};

TEST(HostileAnswer, EveryCallThatLeavesHasASubject) {
  std::set<std::uint64_t> numbers;
  for (const Subject& subject : subjects()) numbers.insert(subject.number);
  for (const Forwarded& call : kForwarded)
    EXPECT_TRUE(numbers.contains(call.number)) << call.name << " has no hostile-answer test";
  for (const NamedOwnCall& own : kOwnCalls) {
    EXPECT_TRUE(numbers.contains(static_cast<std::uint64_t>(own.call)) || kElsewhere.contains(own.name))
        << own.name << " has no hostile-answer test";
  }
  // All numbers but those of kPanic and kKilled.
  EXPECT_EQ(static_cast<std::uint64_t>(OwnCall::kRestrict) - kFirstOwn - 1, std::size(kOwnCalls));
}

// What these need not ask the host for is the shield's own.
const std::set<std::uint64_t> kInside = {__NR_readlink, __NR_readlinkat, __NR_umask,  __NR_getcwd,
                                         __NR_chown,    __NR_lchown,     __NR_fchown, __NR_fchownat};

TEST(HostileAnswer, EveryCallOfTheProgramHasASubject) {
  for (const Subject& subject : subjects()) {
    if (subject.number >= kFirstOwn) continue;
    World world;
    world.host.answer([&, next = 200](const HostCall& call) mutable -> std::int64_t {
      return call.number == subject.number ? subject.honest(world, call) : next++;
    });
    try {
      (void)subject.act(world);
    } catch (const Stopped&) {  // other calls got what they do not expect
    }
  }
  const auto handles = [](std::uint64_t number) {
    std::int64_t result = 0;
    try {
      return io_call(number, {}, &result) || event_call(number, {}, &result) ||
             socket_call(number, {}, &result) || file_call(number, {}, &result);
    } catch (const Stopped&) {
      return true;
    }
  };
  const std::set<std::uint64_t> tried = calls_of_program();
  for (std::uint64_t number = 0; number < 1000; ++number) {
    FakeHost host;
    EXPECT_EQ(handles(number) && !tried.contains(number), kInside.contains(number)) << number;
    if (kInside.contains(number)) EXPECT_EQ(host.calls(), 0u) << number;
  }
}

TEST(HostileAnswer, NothingElseLeaves) {
  FakeHost host;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    const bool listed = std::ranges::count(kForwarded, number, &Forwarded::number) == 1;
    EXPECT_EQ(is_forwarded(number), listed) << number;
    if (!listed) EXPECT_THROW(raw_call(number), Stopped) << number;
  }
}

TEST(HostileAnswer, EveryCheckInTheShieldHasALie) {
  std::set<std::string> tested = {"host.answer"};
  for (const Subject& subject : subjects()) {
    for (const Lie& lie : subject.lies) {
      if (lie.site != nullptr) tested.insert(lie.site);
    }
  }
  const std::regex pattern(R"rx(refuse_if\([^;]*"([a-z_]+\.[a-z_]+)"\))rx");
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CLEMMYS_SOURCE_DIR "/src/shield")) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || name.ends_with("_test.cc") || name == "CMakeLists.txt") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at, ++found) {
      const std::string site = (*at)[1];
      EXPECT_TRUE(tested.contains(site) || kElsewhere.contains(site)) << name << ": no lie meets " << site;
    }
  }
  EXPECT_GE(found, 20u) << "the checks were not found";
}

TEST(HostileAnswer, TheTestsElsewhereExist) {
  std::string text;
  for (const char* name : {"/src/enclave/host/entry_test.cc", "/src/shield/pages_test.cc",
                           "/src/shield/strategies/hostile_memory_test.cc"}) {
    std::ifstream file(std::string(CLEMMYS_SOURCE_DIR) + name);
    text.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (const auto& [what, test] : kElsewhere) {
    const auto dot = test.find('.');
    EXPECT_NE(text.find("(" + test.substr(0, dot) + ", " + test.substr(dot + 1) + ")"), std::string::npos)
        << what << ": there is no test " << test;
  }
}

}  // namespace
}  // namespace clemmys::shield::hostile
