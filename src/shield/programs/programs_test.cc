// Every program here runs as an ordinary process and inside an enclave; output and exit status must be the
// same.
#include <filesystem>

#include "shield/programs/harness.h"

namespace clemmys::shield {
namespace {

constexpr char kAttestation[] =
    "report data written 64\nin the report 1\nin two halves 32 1\nshort is padded 3 1\ntoo long -22 "
    "-22\nread-only -13 -13 -13\n"
    "part 10\ntwo at once 1 1\nseek 0, again 10 1\npread 100 1, beyond 0, end 400\nsize 432, duplicate 16\n"
    "sizes 432 512 512 64 dcap\nown target 1\nkeys 16 16, differ 1, stable 1 1, zero 0\n"
    "report key 16, depends on its id 1\nother devices -1\npaths off the list -1 -1\nopen at once 16, then "
    "1\n";

TEST_F(Programs, HelloPrintsTheSameAndExitsWithItsStatus) {
  const Outcome expected = outside("hello", "one two");
  EXPECT_EQ(expected.status, 7);
  EXPECT_EQ(inside("hello", "one two"), expected);
}

TEST_F(Programs, ThreadsContendWaitAndEndAlike) { expect_alike(inside("threads"), outside("threads")); }

TEST_F(Programs, MemoryGrowsShrinksAndComesBackZeroed) { expect_alike(inside("memory"), outside("memory")); }

TEST_F(Programs, MemoryLimitsFailAllocationsAlike) {
  const Outcome expected = outside("memory_limit");
  EXPECT_EQ(expected.output.find("not as"), std::string::npos) << expected.output;
  EXPECT_EQ(inside("memory_limit"), expected);
}

TEST_F(Programs, FilesOfTheAllowListBehaveAlike) {
  expect_alike(inside("files", "/state"), outside("files", directory_ + "/outside"));
}

TEST_F(Programs, SocketsTimersAndEpollBehaveAlike) {
  expect_alike(inside("sockets", "/state/s"), outside("sockets", directory_ + "/outside/s"));
  EXPECT_TRUE(std::filesystem::is_socket(directory_ + "/inside/s"));
}

TEST_F(Programs, AsioCoroutinesEchoOnSeveralThreads) { expect_alike(inside("asio"), outside("asio")); }

TEST_F(Programs, TlsHandshakeSucceeds) { expect_alike(inside("tls"), outside("tls")); }

TEST_F(Programs, EverythingAtOnceOnSixThreads) {
  for (int round = 0; round < 5; ++round) EXPECT_EQ(inside("stress"), (Outcome{"failed 0\n", 0}));
}

// The worker must have served calls, not only not harmed them; it may need several runs on a busy machine.
TEST_F(Programs, AWorkerOfTheHostServesCallsAlike) {
  const Outcome expected = outside("calls", directory_ + "/outside");
  EXPECT_EQ(expected, (Outcome{"wrong 0 0, turns 0\n", 0}));
  EXPECT_EQ(inside("calls", "/state"), expected);
  const std::string counts = directory_ + "/counts";
  const std::string command = host_command("shield_calls", "--exitless --counts " + counts) + " /state";
  long served = 0;
  for (int attempt = 0; attempt < 8 && served == 0; ++attempt) {
    EXPECT_EQ(run(command), expected);
    const Outcome shown = run(kBinaries + "/bin/clemmys enclave stats " + counts);
    const std::string word = "exitless calls ";
    const auto at = shown.output.find(word);
    ASSERT_NE(at, std::string::npos) << shown.output;
    served = std::atol(shown.output.c_str() + at + word.size());
  }
  EXPECT_GT(served, 0);
}

TEST_F(Programs, AHeapThatIsThereFromTheStartServesBrk) {
  EXPECT_EQ(inside("static_heap"), outside("hello"));
}

TEST_F(Programs, AttestationDevicesAnswerAndOtherPathsAreRefused) {
  EXPECT_EQ(inside("attestation"),
            (Outcome{std::string(kAttestation) + "quote without a service -1 1\n", 0}));
}

TEST_F(Programs, TheCppRuntimeBehavesAlike) {
  expect_alike(inside("language", "/state"), outside("language", directory_ + "/outside"));
}

TEST_F(Programs, EveryPrimitiveOfThreadsBehavesAlike) {
  expect_alike(inside("concurrency"), outside("concurrency"));
}

TEST_F(Programs, HandshakesOfEveryKindOfKeyBehaveAlike) {
  const Outcome expected = outside("handshakes");
  EXPECT_NE(expected.output.find("ED25519: TLSv1.3"), std::string::npos);
  EXPECT_EQ(inside("handshakes"), expected);
}

TEST_F(Programs, SqliteWorksInEveryJournalMode) {
  expect_alike(inside("database", "use /state/d"), outside("database", "use " + directory_ + "/outside/d"));
}

TEST_F(Programs, RegularExpressionsJsonAndXmlBehaveAlike) { expect_alike(inside("text"), outside("text")); }

TEST_F(Programs, LinearAlgebraAndBigNumbersBehaveAlike) {
  expect_alike(inside("numerics"), outside("numerics"));
}

TEST_F(Programs, CPythonRunsItsStandardLibrary) {
  const Outcome expected = run(kBinaries + "/bin/shield_python -S -B " + CLEMMYS_SOURCE_DIR +
                                   "/src/shield/programs/script.py " + directory_ + "/outside",
                               "--chdir=/ PYTHONHOME=/usr");
  EXPECT_EQ(expected.status, 4) << expected.output;
  EXPECT_EQ(inside("python", "/state"), expected);
}

TEST_F(Programs, TrappedAndRewrittenCallSitesBehaveAlike) {
  const Outcome expected = outside("sites");
  EXPECT_EQ(expected.output.find("registers 0"), std::string::npos);
  EXPECT_EQ(inside("sites"), expected);
  // The image has sites of both kinds, and says so.
  const Outcome shown =
      run(kBinaries + "/bin/clemmys --json enclave show " + kBinaries + "/images/shield_sites.sgx");
  const auto count = [&](const std::string& name) {
    const auto at = shown.output.find("\"" + name + "\":");
    return at == std::string::npos ? -1 : std::atoi(shown.output.c_str() + at + name.size() + 3);
  };
  EXPECT_GT(count("syscall_sites_rewritten"), 50) << shown.output;
  EXPECT_GT(count("syscall_sites"), count("syscall_sites_rewritten")) << shown.output;
  EXPECT_GT(count("cpuid_sites"), 10) << shown.output;
}

TEST_F(Programs, SignalsOfAProgramsOwnBehaveAlike) { expect_alike(inside("signals"), outside("signals")); }

// What ends a program outside ends it inside, with the signal in the status and the host's word about it.
class Endings : public Programs, public testing::WithParamInterface<const char*> {};

TEST_P(Endings, AreThoseOfLinux) {
  const Outcome expected = outside("signals", GetParam());
  Outcome found = inside("signals", GetParam());
  const auto word = found.output.find("clemmys-host: the program was ended by signal ");
  ASSERT_NE(word, std::string::npos) << found.output;
  found.output.erase(word);
  EXPECT_EQ(found.status, expected.status);
  EXPECT_TRUE(expected.output.starts_with(found.output)) << expected.output;  // a shell adds its own word
  EXPECT_GT(found.status, 128);
}

INSTANTIATE_TEST_SUITE_P(Programs, Endings,
                         testing::Values("abort", "term", "relro", "text", "readonly", "none", "execute",
                                         "twice"),
                         [](const auto& it) { return std::string(it.param); });

TEST_F(Programs, WhatAnEnclaveDoesNotHaveIsRefusedAndNamed) {
  const Outcome found = inside("processes");
  EXPECT_EQ(found.status, 0);
  for (const char* line :
       {"fork -1 1\n", "vfork -1 1\n", "execve -1 1\n", "popen 0\n", "spawn 1\n", "wait -1 1\n", "code 1 1\n",
        "unknown -1 1\n", "no number -1 1\n", "does not know: 0x3a vfork\n", "does not know: 0x3b execve\n",
        "does not know: 0x12c fanotify_init\n", "does not know: 0x270f unknown\n", "no child processes"}) {
    EXPECT_NE(found.output.find(line), std::string::npos) << line << found.output;
  }
}

TEST_F(Programs, FaultsEndTheProcessWithAWord) {
  const Outcome outcome = inside("fault");
  EXPECT_EQ(outcome.status, 128 + 11);
  EXPECT_NE(outcome.output.find("exception.page_fault"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace clemmys::shield
