// A hostile module against the sandbox's checks, through the path that QuickJS takes: wasm2c, clang,
// translated.h.
#include "runtime/wasm/sandbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>

#include "translated/hostile.h"

struct Z_env_instance_t {
  bool stops = true;
};

extern "C" void Z_envZ_stop(Z_env_instance_t* env) {
  if (env->stops) clemmys::wasm::trap_from_host();
}

namespace clemmys::wasm {
namespace {

constexpr std::uint32_t kPage = 64u << 10;

// Module is one instance of hostile.wat, with room for two pages although it declares three.
class Module {
 public:
  explicit Module(std::size_t size_max = 2 * kPageSize) {
    static const bool initialized = (Z_hostile_init_module(), true);
    EXPECT_TRUE(initialized);
    const MemoryLimit limit(size_max);
    EXPECT_EQ(enter([&] { Z_hostile_instantiate(&instance_, &env_); }), Trap::kNone);
  }
  ~Module() { Z_hostile_free(&instance_); }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // call gives the trap that ended the call; the value is in `result`.
  template <typename Result, typename... Arguments>
  Trap call(Result (*function)(Z_hostile_instance_t*, Arguments...),
            std::type_identity_t<Arguments>... arguments) {
    return enter([&] {
      if constexpr (std::is_void_v<Result>) {
        function(&instance_, arguments...);
      } else {
        result = static_cast<std::uint64_t>(function(&instance_, arguments...));
      }
    });
  }
  wasm_rt_memory_t& memory() { return *Z_hostileZ_memory(&instance_); }
  std::uint64_t result = 0;

 private:
  Z_hostile_instance_t instance_{};
  Z_env_instance_t env_;
};

TEST(Sandbox, ReadsInsideItsMemoryOnly) {
  Module module;
  EXPECT_EQ(module.call(Z_hostileZ_load, 0), Trap::kNone);
  EXPECT_EQ(module.result, 0x69736e69u);  // "insi"
  EXPECT_EQ(module.call(Z_hostileZ_load, kPage - 4), Trap::kNone);
  for (const std::uint32_t address : {kPage - 3, kPage, 0x7fffffffu, 0xfffffffcu, 0xffffffffu})
    EXPECT_EQ(module.call(Z_hostileZ_load, address), Trap::kOutOfBounds) << address;
  EXPECT_EQ(module.call(Z_hostileZ_load8, kPage), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_load64_far, 0xffffffff), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_load64_far, 7), Trap::kOutOfBounds)
      << "an address must not wrap at 32 bits";
}

TEST(Sandbox, WritesInsideItsMemoryOnly) {
  Module module, neighbour;
  EXPECT_EQ(module.call(Z_hostileZ_store, kPage - 4, 1), Trap::kNone);
  for (const std::uint32_t address : {kPage - 3, kPage, 2 * kPage, 0xfffffffcu})
    EXPECT_EQ(module.call(Z_hostileZ_store, address, 1), Trap::kOutOfBounds) << address;
  EXPECT_EQ(module.call(Z_hostileZ_store64_far, 1), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_fill, 0, kPage), Trap::kNone);
  EXPECT_EQ(module.call(Z_hostileZ_fill, 1, kPage), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_fill, 0xffffffff, 0xffffffff), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_copy, 0, kPage - 1, 2), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_copy, 0xfffffff0, 0, 0x20), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_init, 0, 5, 3), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_init, kPage - 2, 0, 3), Trap::kOutOfBounds);
  EXPECT_EQ(neighbour.call(Z_hostileZ_load, 0), Trap::kNone);
  EXPECT_EQ(neighbour.result, 0x69736e69u) << "another sandbox must not have changed";
}

TEST(Sandbox, WhatItGaveUpIsOutside) {
  Module module;
  ASSERT_TRUE(resize(module.memory(), 2));
  EXPECT_EQ(module.call(Z_hostileZ_store, 2 * kPage - 4, 1), Trap::kNone);
  ASSERT_TRUE(resize(module.memory(), 1));
  EXPECT_EQ(module.call(Z_hostileZ_load, 2 * kPage - 4), Trap::kOutOfBounds);
  EXPECT_EQ(module.call(Z_hostileZ_store, kPage, 1), Trap::kOutOfBounds);
}

TEST(Sandbox, GrowsToItsLimitAndNoFurther) {
  Module module;
  EXPECT_EQ(module.call(Z_hostileZ_grow, 0xffffffff), Trap::kNone);
  EXPECT_EQ(static_cast<std::uint32_t>(module.result), 0xffffffffu);
  EXPECT_EQ(module.call(Z_hostileZ_grow, 1), Trap::kNone);
  EXPECT_EQ(module.result, 1u);
  EXPECT_EQ(module.call(Z_hostileZ_load, 2 * kPage - 4), Trap::kNone);
  EXPECT_EQ(module.result, 0u);
  EXPECT_EQ(module.call(Z_hostileZ_grow, 1), Trap::kNone);
  EXPECT_EQ(static_cast<std::uint32_t>(module.result), 0xffffffffu)
      << "the limit is below what the module declares";
  EXPECT_EQ(module.call(Z_hostileZ_load, 2 * kPage), Trap::kOutOfBounds);
}

TEST(Sandbox, CallsOnlyFunctionsOfTheRightType) {
  Module module;
  EXPECT_EQ(module.call(Z_hostileZ_call_number, 0), Trap::kNone);
  EXPECT_EQ(module.result, 7u);
  EXPECT_EQ(module.call(Z_hostileZ_call_nothing, 0), Trap::kIndirectCall) << "another type";
  EXPECT_EQ(module.call(Z_hostileZ_call_number, 1), Trap::kIndirectCall) << "a null entry";
  for (const std::uint32_t index : {4u, 0x7fffffffu, 0xffffffffu})
    EXPECT_EQ(module.call(Z_hostileZ_call_number, index), Trap::kIndirectCall) << index;
}

TEST(Sandbox, ExhaustedStacksAndBadArithmeticAreTraps) {
  Module module;
  for (int round = 0; round < 3; ++round)
    EXPECT_EQ(module.call(Z_hostileZ_recurse, 0), Trap::kStackExhausted);
  EXPECT_EQ(module.call(Z_hostileZ_unreachable), Trap::kUnreachable);
  EXPECT_EQ(module.call(Z_hostileZ_divide, 1, 0), Trap::kDivideByZero);
  EXPECT_EQ(module.call(Z_hostileZ_divide, 0x80000000, 0xffffffff), Trap::kIntegerOverflow);
  EXPECT_EQ(module.call(Z_hostileZ_truncate, 1e30), Trap::kIntegerOverflow);
  EXPECT_EQ(module.call(Z_hostileZ_truncate, std::numeric_limits<double>::quiet_NaN()),
            Trap::kInvalidConversion);
  EXPECT_EQ(module.call(Z_hostileZ_stop_by_host), Trap::kHost);
  EXPECT_EQ(module.call(Z_hostileZ_load, 0), Trap::kNone) << "the runtime goes on after traps";
}

TEST(Sandbox, TrapsLandInTheInnermostEntry) {
  Module module;
  const Trap outer = enter([&] {
    EXPECT_EQ(module.call(Z_hostileZ_unreachable), Trap::kUnreachable);
    EXPECT_EQ(module.call(Z_hostileZ_recurse, 0), Trap::kStackExhausted);
  });
  EXPECT_EQ(outer, Trap::kNone);
}

// reach is all that a module can read: the pages of its memory, and whatever answers on any page in the 8 GiB
// that an address and an offset span.
std::string reach(Module& module) {
  std::string read;
  const auto take = [&](Trap trap, std::size_t size) {
    if (trap == Trap::kNone) read.append(reinterpret_cast<const char*>(&module.result), size);
  };
  for (std::uint32_t address = 0; address < module.memory().size; address += 4)
    take(module.call(Z_hostileZ_load, address), 4);
  for (std::uint64_t page = module.memory().size; page < std::uint64_t{1} << 32; page += kPage)
    take(module.call(Z_hostileZ_load, static_cast<std::uint32_t>(page)), 4);
  for (std::uint64_t page = 0; page < std::uint64_t{1} << 32; page += kPage)  // 7 and the offset are 4 GiB
    take(module.call(Z_hostileZ_load64_far, static_cast<std::uint32_t>(page + 7)), 8);
  return read;
}

TEST(Sandbox, FindsNoSecretOfItsProcess) {
  // The secret is on the heap and the stack, in another sandbox, and in one that was given up.
  const std::string secret = "a key's 32 bytes, unlike others!";
  std::array<char, 32> on_stack;
  std::ranges::copy(secret, on_stack.begin());
  const auto put = [&](Module& module) {
    EXPECT_TRUE(resize(module.memory(), 2));
    for (std::size_t at = kPage / 2; at < 2 * kPage; at += 4096)
      std::ranges::copy(secret, module.memory().data + at);
  };
  Module neighbour;
  put(neighbour);
  put(*std::make_unique<Module>());
  Module module;
  EXPECT_EQ(reach(module).size(), kPage) << "its own memory alone";
  EXPECT_EQ(module.call(Z_hostileZ_grow, 1), Trap::kNone);
  EXPECT_EQ(reach(module).find(std::string(on_stack.data(), on_stack.size())), std::string::npos);
  put(module);
  EXPECT_NE(reach(module).find(secret), std::string::npos) << "it would have been found";
}

TEST(Sandbox, SliceRefusesWhatIsNotInside) {
  Module module;
  EXPECT_EQ(slice(module.memory(), 0, kPage)->size(), kPage);
  EXPECT_EQ(slice(module.memory(), kPage, 0)->size(), 0u);
  EXPECT_FALSE(slice(module.memory(), 1, kPage));
  EXPECT_FALSE(slice(module.memory(), 0, std::uint64_t{1} << 32));
  EXPECT_FALSE(slice(module.memory(), std::numeric_limits<std::uint64_t>::max(), 2));
}

TEST(Sandbox, MemoryThatWasGivenUpComesBackEmpty) {
  Module module;
  ASSERT_TRUE(resize(module.memory(), 2));
  module.memory().data[kPage + 5] = 1;
  ASSERT_TRUE(resize(module.memory(), 1));
  ASSERT_TRUE(resize(module.memory(), 2));
  EXPECT_EQ(module.memory().data[kPage + 5], 0);
  EXPECT_FALSE(resize(module.memory(), 3));
}

TEST(Sandbox, KeptMemoryIsEmptyForTheNextInstance) {
  const KeptMemory kept;
  const MemoryLimit limit(4 * kPageSize);
  wasm_rt_memory_t memory{};
  wasm_rt_allocate_memory(&memory, 2, 9);
  const std::uint8_t* const data = memory.data;
  EXPECT_EQ(wasm_rt_grow_memory(&memory, 2), 2u);
  EXPECT_FALSE(limit.was_met());
  EXPECT_EQ(wasm_rt_grow_memory(&memory, 1), UINT32_MAX);
  EXPECT_TRUE(limit.was_met());
  memory.data[5] = memory.data[4 * kPage - 1] = 1;
  wasm_rt_free_memory(&memory);
  wasm_rt_allocate_memory(&memory, 1, 9);
  EXPECT_EQ(memory.data, data) << "the same pages";
  EXPECT_EQ(memory.size, kPage);
  EXPECT_EQ(memory.data[5], 0);
  ASSERT_TRUE(resize(memory, 4));
  EXPECT_EQ(memory.data[4 * kPage - 1], 0);
  wasm_rt_memory_t other{};
  wasm_rt_allocate_memory(&other, 1, 9);
  EXPECT_NE(other.data, data) << "what is in use is nobody else's";
  wasm_rt_free_memory(&other);
  wasm_rt_free_memory(&memory);
}

TEST(Sandbox, TablesGrowToTheirLimitAndKeepTheirElements) {
  wasm_rt_funcref_table_t table{};
  wasm_rt_allocate_funcref_table(&table, 2, 5);
  table.data[1].func_type = 7;
  EXPECT_EQ(wasm_rt_grow_funcref_table(&table, 4, wasm_rt_funcref_null_value), UINT32_MAX);
  EXPECT_EQ(wasm_rt_grow_funcref_table(&table, UINT32_MAX, wasm_rt_funcref_null_value), UINT32_MAX);
  EXPECT_EQ(wasm_rt_grow_funcref_table(&table, 3, wasm_rt_funcref_null_value), 2u);
  EXPECT_EQ(table.size, 5u);
  EXPECT_EQ(table.data[1].func_type, 7u);
  EXPECT_EQ(table.data[4].func, nullptr);
  wasm_rt_free_funcref_table(&table);
  wasm_rt_allocate_funcref_table(&table, 1, UINT32_MAX);
  EXPECT_EQ(wasm_rt_grow_funcref_table(&table, 1u << 20, wasm_rt_funcref_null_value), UINT32_MAX)
      << "tables lie outside of the module's memory and are bounded, too";
  wasm_rt_free_funcref_table(&table);
}

}  // namespace
}  // namespace clemmys::wasm
