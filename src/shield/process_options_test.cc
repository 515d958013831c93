#include <gtest/gtest.h>
#include <sys/prctl.h>

#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

std::int64_t option(std::uint64_t number, std::uint64_t argument = 0) {
  return run(__NR_prctl, number, argument);
}

TEST(ProcessOptions, AThreadHasTheNameThatItGaveItself) {
  FakeHost host;
  char name[16] = "zzzzzzzzzzzzzzz";
  ASSERT_EQ(option(PR_SET_NAME, address_of("a name of more than fifteen")), 0);
  ASSERT_EQ(option(PR_GET_NAME, address_of(name)), 0);
  EXPECT_STREQ(name, "a name of more ");
  ASSERT_EQ(option(PR_SET_NAME, address_of("short")), 0);
  ASSERT_EQ(option(PR_GET_NAME, address_of(name)), 0);
  EXPECT_STREQ(name, "short");
  EXPECT_EQ(host.calls(), 0u) << "a name is nothing for the host";
}

TEST(ProcessOptions, WhatHoldsAnywayMayBeAskedFor) {
  FakeHost host;
  EXPECT_EQ(option(PR_SET_NO_NEW_PRIVS, 1), 0);
  EXPECT_EQ(option(PR_GET_NO_NEW_PRIVS), 1);
  EXPECT_EQ(option(PR_SET_DUMPABLE, 0), 0);
  EXPECT_EQ(option(PR_GET_DUMPABLE), 0);
}

TEST(ProcessOptions, RefusesWhatItDoesNotDo) {
  FakeHost host;
  for (const int number : {PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_TIMERSLACK, PR_CAPBSET_DROP, 9999})
    EXPECT_EQ(option(static_cast<std::uint64_t>(number), 1), -EINVAL) << number;
  EXPECT_EQ(option(PR_SET_DUMPABLE, 1), -EINVAL);
  EXPECT_EQ(option(PR_SET_NO_NEW_PRIVS, 0), -EINVAL);
}

}  // namespace
}  // namespace clemmys::shield
