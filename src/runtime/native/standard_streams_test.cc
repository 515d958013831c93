#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace {

std::string read_all(int descriptor) {
  std::string text;
  char chunk[4096];
  for (ssize_t count; (count = ::read(descriptor, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(count));
  ::close(descriptor);
  return text;
}

TEST(StandardStreams, WhatAFunctionPrintsReachesItsLogAndNobodyElse) {
  int link[2], output[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link), 0);
  ASSERT_EQ(::pipe2(output, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  posix_spawn_file_actions_adddup2(&actions, output[1], 2);
  const int far_end = ::fcntl(link[1], F_DUPFD_CLOEXEC, 10);
  posix_spawn_file_actions_adddup2(&actions, far_end, 3);
  char program[] = CLEMMYS_BINARY_DIR "/bin/standard-streams-probe";
  char* arguments[] = {program, nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, program, &actions, nullptr, arguments, nullptr), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(link[1]);
  ::close(far_end);
  ::close(output[1]);
  const std::string captured = read_all(link[0]), leaked = read_all(output[0]);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(leaked, "");
  const std::string at = "1970-01-01T00:00:00.000Z ";
  EXPECT_EQ(captured, at + "stdout: printf 1\n" + at + "stdout: puts\n" + at + "stdout: cout 2\n" + at +
                          "stderr: cerr 3\n" + at + "stderr: stderr in pieces\n" + at +
                          "stdout: no line end\n");
}

}  // namespace
