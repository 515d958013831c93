// A hostile module (testing/hostile.wat), on the way that every module takes: whatever it does, its memory
// ends where it ends, the caller gets an answer, and the next run is as new.
#include "runtime/wasi/command.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "wire/links.h"

namespace clemmys::runtime::wasi {
namespace {

class WasiCommand : public ::testing::Test {
 protected:
  WasiCommand() : command_(clemmys_module, clock_) { EXPECT_TRUE(crypto::initialize()); }

  Reply run(std::string_view way, std::uint64_t timeout_ms = 60'000, std::uint32_t memory_mib = 64) {
    const std::string request = "{\"way\":\"" + std::string(way) + "\"}";
    Call call;
    call.body = as_bytes(request);
    call.action_name = "/ns/hostile";
    call.timeout_ms = timeout_ms;
    call.memory_mib = memory_mib;
    return command_.call(call);
  }
  // answer is the errno in the module's answer, or what came in its place.
  std::string answer(std::string_view way) {
    const Reply reply = run(way);
    return reply.kind == Reply::Kind::kAnswer ? std::string(as_text(reply.body)) : reply.text;
  }
  std::string fault(std::string_view way, std::uint64_t timeout_ms = 60'000, std::uint32_t memory_mib = 64) {
    const Reply reply = run(way, timeout_ms, memory_mib);
    EXPECT_EQ(reply.kind, reply.text.find("time limit") != std::string::npos ? Reply::Kind::kOutOfTime
                                                                             : Reply::Kind::kFault)
        << way;
    EXPECT_EQ(answer("t"), R"({"errno":"00"})") << "the next run is as new";
    return reply.text;
  }

  SystemClock clock_;
  Command command_;
};

TEST_F(WasiCommand, GetsErrnosForWhatIsOutsideOfItsMemory) {
  for (const char* outside : {"a", "b", "c", "e", "f", "g", "h", "i", "j"})
    EXPECT_EQ(answer(outside), R"({"errno":"21"})") << outside;
  for (const char* many : {"d", "k"}) EXPECT_EQ(answer(many), R"({"errno":"28"})") << many;
  EXPECT_EQ(answer("v"), R"({"errno":"52"})") << "files are not there, whatever the arguments";
  EXPECT_EQ(answer("w"), R"({"errno":"08"})");
}

TEST_F(WasiCommand, EveryRunIsAsNew) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer("t"), R"({"errno":"00"})") << i;
}

// What EveryRunIsAsNew sees when a run finds the memory of the one before.
TEST_F(WasiCommand, AnInstanceThatIsStartedTwiceIsNotAsNew) {
  const wasm::MemoryLimit limit(wasm::sandbox_size(64));
  const wasm::Deadline deadline(clock_, 0);
  Process process({.arguments = {}, .environment = {}, .input = as_bytes("{\"way\":\"t\"}{\"way\":\"t\"}")},
                  clock_, deadline, Output([](std::string_view) {}, 1000), [](std::string_view) {});
  std::vector<std::max_align_t> instance(clemmys_module.instance_size / sizeof(std::max_align_t) + 1);
  Z_wasi_snapshot_preview1_instance_t wasi{.process = &process,
                                           .memory = clemmys_module.memory(instance.data())};
  const wasm::Trap trap = wasm::enter([&] {
    clemmys_module.instantiate(instance.data(), &wasi);
    clemmys_module.start(instance.data());
    clemmys_module.start(instance.data());
  });
  clemmys_module.release(instance.data());
  EXPECT_EQ(trap, wasm::Trap::kNone);
  EXPECT_EQ(as_text(process.output().take().text), R"({"errno":"99"})");
}

TEST_F(WasiCommand, ThatDoesNotEndIsEndedAndServesOn) {
  const std::string late = wire::text::time_exceeded(200);
  for (const char* endless : {"l", "n", "o", "u", "{", "|", "}"})
    EXPECT_EQ(fault(endless, 200), late) << endless;
}

TEST_F(WasiCommand, TrapsAreTheDevelopersErrorAndItServesOn) {
  for (const char* trap : {"m", "r", "s", "x"}) EXPECT_EQ(fault(trap), wire::text::kAbnormalRun) << trap;
}

TEST_F(WasiCommand, MemoryEndsAtTheActionsLimit) {
  EXPECT_EQ(fault("p", 60'000, 32), wire::text::kMemoryExhausted);
  EXPECT_EQ(fault("p", 60'000, 300), wire::text::kMemoryExhausted);
}

TEST_F(WasiCommand, AnExitStatusIsAnErrorWhateverWasPrinted) {
  EXPECT_EQ(fault("q"), wire::text::kAbnormalRun);
}

TEST_F(WasiCommand, LastLineIsTheAnswerAsItIs) {
  EXPECT_EQ(answer("y"), "no answer") << "the step's judge says what is no JSON";
  EXPECT_EQ(answer("z"), "first line");
}

TEST_F(WasiCommand, MemoryThatDoesNotFitTheLimitIsSaidBeforeItStarts) {
  clemmys_translated_module large = clemmys_module;
  large.initial_pages = 1024;
  Command command(large, clock_);
  Call call;
  call.memory_mib = 48;
  EXPECT_EQ(command.call(call).text,
            "The action's module begins with 67108864 bytes of memory; its limit leaves it 33554432.");
}

}  // namespace
}  // namespace clemmys::runtime::wasi
