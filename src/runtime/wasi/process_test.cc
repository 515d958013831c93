// WASI's calls against numbers that mean harm, on a module's memory of one page.
#include "runtime/wasi/process.h"

#include <gtest/gtest.h>

#include <limits>

#include "runtime/wasi/translated_module.h"

namespace clemmys::runtime::wasi {
namespace {

constexpr std::uint32_t kEnd = 64u << 10;
constexpr std::uint32_t kAll = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kVectors = 512, kBuffer = 1024, kOut = 8;

class WasiProcess : public ::testing::Test {
 protected:
  WasiProcess() {
    const wasm::MemoryLimit limit(kEnd);
    wasm_rt_allocate_memory(&raw_, 1, 1);
  }
  ~WasiProcess() override { wasm_rt_free_memory(&raw_); }

  void vector(std::uint32_t index, std::uint32_t start, std::uint32_t size) {
    ASSERT_TRUE(memory_.write(kVectors + 8 * index, start) && memory_.write(kVectors + 8 * index + 4, size));
  }
  void text(std::uint32_t address, std::string_view content) {
    std::memcpy(raw_.data + address, content.data(), content.size());
  }
  std::string_view text_at(std::uint32_t address, std::uint32_t size) const {
    return {reinterpret_cast<const char*>(raw_.data + address), size};
  }
  std::uint32_t word(std::uint32_t address) const { return *memory_.read<std::uint32_t>(address); }
  void subscribe(std::uint32_t index, std::uint8_t type, std::uint32_t clock, std::uint64_t timeout,
                 std::uint16_t flags) {
    const std::uint32_t at = kBuffer + 48 * index;
    ASSERT_TRUE(memory_.write(at, std::uint64_t{index} + 7) && memory_.write(at + 8, type) &&
                memory_.write(at + 16, clock) && memory_.write(at + 24, timeout) &&
                memory_.write(at + 40, flags));
  }
  Process process(std::string_view input = "0123456789") {
    return Process({.arguments = {"/ns/name", ""}, .environment = {"A=b"}, .input = as_bytes(input)}, clock_,
                   deadline_, Output([](std::string_view) {}, 1u << 20),
                   [this](std::string_view piece) { errors_ += piece; });
  }

  wasm_rt_memory_t raw_{};
  ModuleMemory memory_{raw_};
  FakeClock clock_{5'000};
  wasm::Deadline deadline_{clock_, 6'000'000'000};
  std::string errors_;
};

TEST_F(WasiProcess, ArgumentsAndEnvironmentAreWrittenInsideTheMemoryOnly) {
  Process process = this->process();
  EXPECT_EQ(process.args_sizes_get(memory_, 0, 4), Errno::kSuccess);
  EXPECT_EQ(word(0), 2u);
  EXPECT_EQ(word(4), 10u);
  EXPECT_EQ(process.args_get(memory_, kEnd - 8, kBuffer), Errno::kSuccess);
  EXPECT_EQ(word(kEnd - 8), kBuffer);
  EXPECT_EQ(word(kEnd - 4), kBuffer + 9);
  EXPECT_EQ(text_at(kBuffer, 10), std::string_view("/ns/name\0\0", 10));
  EXPECT_EQ(process.args_get(memory_, kEnd - 7, kBuffer), Errno::kFault);
  EXPECT_EQ(process.args_get(memory_, 0, kEnd - 9), Errno::kFault);
  EXPECT_EQ(process.args_get(memory_, kAll - 3, kBuffer), Errno::kFault) << "addresses do not wrap";
  EXPECT_EQ(process.args_get(memory_, 0, kAll), Errno::kFault);
  EXPECT_EQ(process.args_sizes_get(memory_, kEnd - 3, 0), Errno::kFault);
  EXPECT_EQ(process.environ_sizes_get(memory_, 0, kEnd - 3), Errno::kFault);
  EXPECT_EQ(process.environ_get(memory_, 0, kEnd - 4), Errno::kSuccess);
  EXPECT_EQ(text_at(kEnd - 4, 4), std::string_view("A=b\0", 4));
  EXPECT_EQ(process.environ_get(memory_, 0, kEnd - 3), Errno::kFault);
}

TEST_F(WasiProcess, ReadsItsInputOnceInPieces) {
  Process process = this->process();
  vector(0, kBuffer, 4);
  vector(1, kEnd - 2, 2);
  EXPECT_EQ(process.fd_read(memory_, 0, kVectors, 2, kOut), Errno::kSuccess);
  EXPECT_EQ(word(kOut), 6u);
  EXPECT_EQ(text_at(kBuffer, 4), "0123");
  EXPECT_EQ(text_at(kEnd - 2, 2), "45");
  vector(0, kBuffer, 1000);
  EXPECT_EQ(process.fd_read(memory_, 0, kVectors, 1, kOut), Errno::kSuccess);
  EXPECT_EQ(word(kOut), 4u);
  EXPECT_EQ(process.fd_read(memory_, 0, kVectors, 1, kOut), Errno::kSuccess);
  EXPECT_EQ(word(kOut), 0u) << "the end";
}

TEST_F(WasiProcess, RefusesVectorsThatAreNotInsideBeforeAnyByteMoves) {
  Process process = this->process();
  vector(0, kBuffer, 4);
  const std::pair<std::uint32_t, std::uint32_t> outside[] = {
      {kEnd - 3, 4}, {kEnd, 1}, {kEnd + 1, 0}, {kAll, 1}, {1, kAll}, {0x80000000, 0x80000000}, {kAll, kAll}};
  for (const auto& [start, size] : outside) {
    vector(1, start, size);
    EXPECT_EQ(process.fd_read(memory_, 0, kVectors, 2, kOut), Errno::kFault) << start << " " << size;
    EXPECT_EQ(process.fd_write(memory_, 2, kVectors, 2, kOut), Errno::kFault) << start << " " << size;
  }
  EXPECT_EQ(process.fd_write(memory_, 2, kEnd - 8, 2, kOut), Errno::kFault) << "the vectors themselves";
  EXPECT_EQ(process.fd_write(memory_, 2, kEnd - 4, 1, kOut), Errno::kFault);
  EXPECT_EQ(process.fd_write(memory_, 2, kAll - 3, 1, kOut), Errno::kFault);
  EXPECT_EQ(process.fd_write(memory_, 2, kVectors, 1, kEnd - 3), Errno::kFault);
  EXPECT_EQ(process.fd_read(memory_, 0, kVectors, 1, kAll), Errno::kFault);
  for (const std::uint32_t count : {kVectorsMax + 1, 0x20000000u, kAll})
    EXPECT_EQ(process.fd_read(memory_, 0, kVectors, count, kOut), Errno::kInvalid) << count;
  EXPECT_EQ(errors_, "");
  vector(1, kEnd, 0);
  EXPECT_EQ(process.fd_read(memory_, 0, kVectors, 2, kOut), Errno::kSuccess);
  EXPECT_EQ(text_at(kBuffer, 4), "0123") << "nothing was read before";
}

TEST_F(WasiProcess, OneCallMovesABoundedAmount) {
  Process process = this->process();
  for (std::uint32_t i = 0; i < 100; ++i) vector(i, 0, kEnd);
  EXPECT_EQ(process.fd_write(memory_, 2, kVectors, 100, kOut), Errno::kSuccess);
  EXPECT_EQ(word(kOut), kTransferSizeMax);
  EXPECT_EQ(errors_.size(), kTransferSizeMax);
}

TEST_F(WasiProcess, StreamsAreWhatTheyAreAndNothingElseIsOpen) {
  Process process = this->process();
  text(kBuffer, "log\n{}");
  vector(0, kBuffer, 6);
  EXPECT_EQ(process.fd_write(memory_, 1, kVectors, 1, kOut), Errno::kSuccess);
  EXPECT_EQ(word(kOut), 6u);
  EXPECT_EQ(as_text(process.output().take().text), "{}");
  EXPECT_EQ(process.fd_write(memory_, 0, kVectors, 1, kOut), Errno::kBadDescriptor);
  EXPECT_EQ(process.fd_read(memory_, 1, kVectors, 1, kOut), Errno::kBadDescriptor);
  for (const std::uint32_t descriptor : {3u, 4u, 0x80000000u, kAll}) {
    EXPECT_EQ(process.fd_write(memory_, descriptor, kVectors, 1, kOut), Errno::kBadDescriptor);
    EXPECT_EQ(process.fd_read(memory_, descriptor, kVectors, 1, kOut), Errno::kBadDescriptor);
    EXPECT_EQ(process.fd_close(memory_, descriptor), Errno::kBadDescriptor);
    EXPECT_EQ(process.fd_fdstat_get(memory_, descriptor, kOut), Errno::kBadDescriptor);
    EXPECT_EQ(process.fd_prestat_get(memory_, descriptor, kOut), Errno::kBadDescriptor);
    EXPECT_EQ(process.fd_seek(memory_, descriptor, 0, 0, kOut), Errno::kBadDescriptor);
  }
  EXPECT_EQ(process.fd_seek(memory_, 0, 0, 0, kOut), Errno::kNoSeek);
  EXPECT_EQ(process.fd_fdstat_get(memory_, 0, kEnd - 24), Errno::kSuccess);
  EXPECT_EQ(process.fd_fdstat_get(memory_, 0, kEnd - 23), Errno::kFault);
  EXPECT_EQ(process.fd_close(memory_, 1), Errno::kSuccess);
  EXPECT_EQ(process.fd_close(memory_, 1), Errno::kBadDescriptor);
  EXPECT_EQ(process.fd_write(memory_, 1, kVectors, 1, kOut), Errno::kBadDescriptor);
}

TEST_F(WasiProcess, ClocksAndRandomnessAreWrittenInsideTheMemoryOnly) {
  Process process = this->process();
  EXPECT_EQ(process.clock_time_get(memory_, 0, 0, kEnd - 8), Errno::kSuccess);
  EXPECT_EQ(*memory_.read<std::uint64_t>(kEnd - 8), 5'000'000'000u);
  EXPECT_EQ(process.clock_time_get(memory_, 1, 0, kEnd - 7), Errno::kFault);
  EXPECT_EQ(process.clock_time_get(memory_, 2, 0, 0), Errno::kInvalid);
  EXPECT_EQ(process.clock_res_get(memory_, 0, kEnd), Errno::kFault);
  EXPECT_EQ(process.random_get(memory_, kEnd - 100, 100), Errno::kSuccess);
  EXPECT_NE(text_at(kEnd - 100, 100), std::string(100, '\0'));
  EXPECT_EQ(process.random_get(memory_, kEnd - 100, 101), Errno::kFault);
  EXPECT_EQ(process.random_get(memory_, 1, kAll), Errno::kFault);
  EXPECT_EQ(process.random_get(memory_, kEnd, 0), Errno::kSuccess);
}

TEST_F(WasiProcess, PollsForClocksAndRefusesWhatIsNotInside) {
  Process process = this->process();
  subscribe(0, 0, 1, 2'000'000, 0);
  subscribe(1, 0, 0, 4'000'000'000, 1);  // passed already
  subscribe(2, 1, 0, 0, 0);              // a stream
  EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, 4096, 3, kOut), Errno::kSuccess);
  EXPECT_EQ(word(kOut), 2u);
  EXPECT_EQ(*memory_.read<std::uint64_t>(4096), 8u);
  EXPECT_EQ(*memory_.read<std::uint16_t>(4096 + 8), 0u);
  EXPECT_EQ(*memory_.read<std::uint64_t>(4096 + 32), 9u);
  EXPECT_EQ(*memory_.read<std::uint16_t>(4096 + 32 + 8), static_cast<std::uint16_t>(Errno::kNotSupported));
  EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, 4096, 1, kOut), Errno::kSuccess) << "waits";
  EXPECT_EQ(word(kOut), 1u);
  for (const std::uint32_t count : {0u, kVectorsMax + 1, 0x5555556u, kAll})
    EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, 4096, count, kOut), Errno::kInvalid) << count;
  EXPECT_EQ(process.poll_oneoff(memory_, kEnd - 47, 4096, 1, kOut), Errno::kFault);
  EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, kEnd - 31, 1, kOut), Errno::kFault);
  EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, kAll, 1, kOut), Errno::kFault);
  EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, 4096, 1, kEnd - 3), Errno::kFault);
  subscribe(0, 3, 0, 0, 0);
  EXPECT_EQ(process.poll_oneoff(memory_, kBuffer, 4096, 1, kOut), Errno::kInvalid);
  EXPECT_FALSE(process.must_end());
}

TEST_F(WasiProcess, EndsOnItsOwnWordOrWhenItsTimeIsOver) {
  Process process = this->process();
  process.proc_exit(3);
  EXPECT_TRUE(process.must_end());
  EXPECT_EQ(process.status(), 3u);
  clock_.advance_ms(1'000);
  Process late = this->process();
  subscribe(0, 0, 1, std::numeric_limits<std::uint64_t>::max(), 0);
  EXPECT_EQ(late.poll_oneoff(memory_, kBuffer, 4096, 1, kOut), Errno::kSuccess);
  EXPECT_TRUE(late.must_end() && late.out_of_time());
}

}  // namespace
}  // namespace clemmys::runtime::wasi
