#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <string>

#include "shield/memory_files.h"
#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

std::string read_at(std::uint64_t descriptor, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  const std::int64_t got = run(SYS_pread64, descriptor, address_of(text.data()), size, offset);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

TEST(MemoryFiles, WhatIsPrintedStaysInside) {
  FakeHost host;
  const auto file = static_cast<std::uint64_t>(run(SYS_memfd_create));
  ASSERT_EQ(run(SYS_dup2, file, 1), 1);
  ASSERT_EQ(run(SYS_close, file), 0);
  const std::uint64_t calls = host.calls();
  const std::string text = "a secret";
  EXPECT_EQ(run(SYS_write, 1, address_of(text.data()), text.size()), 8);
  EXPECT_EQ(host.calls(), calls) << "the host was told of the write";
  EXPECT_EQ(read_at(1, 0, 100), text);
  EXPECT_EQ(run(SYS_lseek, 1, 0, SEEK_CUR), 8);
  EXPECT_EQ(run(SYS_ftruncate, 1, 0), 0);
  EXPECT_EQ(run(SYS_lseek, 1, 0, SEEK_END), 0);
  EXPECT_EQ(read_at(1, 0, 100), "");
}

TEST(MemoryFiles, AreFullAtTheirLargestSizeAndZeroAfterwards) {
  FakeHost host;
  const auto file = static_cast<std::uint64_t>(run(SYS_memfd_create));
  const std::string text(100, 'x');
  EXPECT_EQ(run(SYS_pwrite64, file, address_of(text.data()), text.size(), kMemoryFileSizeMax - 10), 10);
  EXPECT_EQ(run(SYS_pwrite64, file, address_of(text.data()), text.size(), kMemoryFileSizeMax), -ENOSPC);
  EXPECT_EQ(run(SYS_ftruncate, file, kMemoryFileSizeMax + 1), -EFBIG);
  EXPECT_EQ(run(SYS_close, file), 0);
  const auto again = static_cast<std::uint64_t>(run(SYS_memfd_create));
  EXPECT_EQ(run(SYS_ftruncate, again, kMemoryFileSizeMax), 0);
  EXPECT_EQ(read_at(again, kMemoryFileSizeMax - 10, 10), std::string(10, '\0')) << "another file's bytes";
  EXPECT_EQ(run(SYS_close, again), 0);
}

TEST(MemoryFiles, DupOfAHostDescriptorTakesTheTargetsPlace) {
  FakeHost host;
  host.answer([](const HostCall& call) -> std::int64_t { return call.number == SYS_dup ? 77 : 0; });
  EXPECT_EQ(run(SYS_dup2, 3, 2), 2);
  EXPECT_EQ(host_of(2), 77);
  EXPECT_THROW(run(SYS_dup2, 3, 1), Stopped) << "the host hands out 77 twice";
}

}  // namespace
}  // namespace clemmys::shield
