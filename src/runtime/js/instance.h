// instance.h: the translated QuickJS (build/…/translated/quickjs.h, by wasm2c) and its import objects. Only
// engine*.cc include this.
#pragma once

#include "runtime/js/engine.h"
#include "translated/quickjs.h"  // after engine.h, which says how translated code is compiled

struct Z_env_instance_t {
  clemmys::runtime::js::Engine* engine;
};
struct Z_wasi_snapshot_preview1_instance_t {
  clemmys::runtime::js::Engine* engine;
};

namespace clemmys::runtime::js {

struct Instance {
  Z_quickjs_instance_t module{};
  Z_env_instance_t env{};
  Z_wasi_snapshot_preview1_instance_t wasi{};
};

// Imports is what the imported functions below may do with an engine. Each returns before a trap is raised.
struct Imports {
  static std::uint32_t host_call(Engine& engine, std::uint32_t name, std::uint32_t name_size,
                                 std::uint32_t count, std::uint32_t boxes);
  static std::uint32_t normalize(Engine& engine, std::uint32_t base, std::uint32_t name);
  static std::uint32_t load(Engine& engine, std::uint32_t name, std::uint32_t size_out);
  static void rejection(Engine& engine, std::uint32_t promise, std::uint32_t reason, std::uint32_t handled);
  static bool interrupted(Engine& engine);
  static std::uint32_t time(Engine& engine, std::uint32_t clock, std::uint32_t out);
  static bool stopped(const Engine& engine) { return !engine.usable(); }

 private:
  static std::optional<std::string_view> text_at(Engine& engine, std::uint32_t address);
  static std::uint32_t take_string(Engine& engine, Value value, std::uint32_t size_out);
};

}  // namespace clemmys::runtime::js
