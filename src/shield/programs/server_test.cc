// Programs under load from outside, and killed in the middle of their work.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "shield/programs/child.h"
#include "shield/programs/harness.h"

namespace clemmys::shield {
namespace {

int connect_to(int port) {
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return client;
  close(client);
  return -1;
}

// echo_thousand talks to a server over a thousand connections that are all open, and returns its last words.
std::string echo_thousand(const std::string& command) {
  constexpr int kConnections = 1000, kMessages = 3;
  Child server(command + " " + std::to_string(kConnections));
  const int port = std::atoi(server.line().c_str());
  std::vector<int> clients;
  for (int i = 0; i < kConnections; ++i) clients.push_back(connect_to(port));
  int wrong = 0;
  for (int message = 0; message < kMessages; ++message) {
    for (int i = 0; i < kConnections; ++i) {
      const std::string text = std::to_string(i) + " says " + std::to_string(message) + ";";
      if (send(clients[i], text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
        ++wrong;
    }
    for (int i = 0; i < kConnections; ++i) {
      const std::string text = std::to_string(i) + " says " + std::to_string(message) + ";";
      std::string back(text.size(), ' ');
      pollfd ready{clients[i], POLLIN, 0};
      if (poll(&ready, 1, 60'000) != 1 || recv(clients[i], back.data(), back.size(), MSG_WAITALL) < 0 ||
          back != text)
        ++wrong;
    }
  }
  for (const int client : clients) close(client);
  EXPECT_EQ(wrong, 0);
  const std::string words = server.line();
  EXPECT_EQ(server.wait(), 0);
  return words;
}

TEST_F(Programs, EchoServerHoldsAThousandConnections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_cur, 4096u);
  const std::string expected = echo_thousand(kBinaries + "/bin/shield_echo");
  EXPECT_NE(expected.find("at once 1000, closed 1000"), std::string::npos) << expected;
  EXPECT_EQ(echo_thousand(host_command("shield_echo")), expected);
}

// Every number that the program said was committed must be there after a kill at any moment, in whole
// transactions. At most one more may be: committed, and killed before it could say so.
class SqliteCrash : public Programs, public testing::WithParamInterface<const char*> {};

TEST_P(SqliteCrash, KeepsEveryCommittedTransaction) {
  const std::string mode = GetParam(), file = "/state/" + mode + ".db";
  std::mt19937 random(17);
  long committed = 0;
  constexpr int kKills = 6;
  for (int round = 0; round < kKills; ++round) {
    Child writer(host_command("shield_database") + " write " + mode + " " + file);
    const unsigned commits = 1 + random() % 12;
    for (unsigned i = 0; i < commits; ++i) {
      const std::string line = writer.line();
      ASSERT_EQ(line, std::to_string(committed + 1));
      ++committed;
    }
    usleep(random() % 4000);  // somewhere in the next transaction
    writer.kill();
    for (std::string line; !(line = writer.line()).empty();)
      committed = std::atol(line.c_str());  // said before it died
    EXPECT_EQ(writer.wait(), 128 + 9);
    // Even rounds look from inside first, odd ones from outside: both recover what the crash left.
    const Outcome found = round % 2 == 0
                              ? inside("database", "check " + file)
                              : outside("database", "check " + directory_ + "/inside/" + mode + ".db");
    const std::string sound = "ok\n0\n0\n0\n";
    ASSERT_EQ(found.output.substr(0, sound.size()), sound) << found.output;
    const long last = std::atol(found.output.substr(sound.size()).c_str());
    ASSERT_GE(last, committed);
    ASSERT_LE(last, committed + 1);
    committed = last;
  }
  EXPECT_EQ(inside("database", "check " + file),
            outside("database", "check " + directory_ + "/inside/" + mode + ".db"));
}

INSTANTIATE_TEST_SUITE_P(Journals, SqliteCrash, testing::Values("delete", "truncate", "persist", "wal"),
                         [](const auto& it) { return std::string(it.param); });

TEST_F(Programs, CompressorsPackAndUnpack64MiB) {
  expect_alike(inside("compression"), outside("compression"));
}

}  // namespace
}  // namespace clemmys::shield
