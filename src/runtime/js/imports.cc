// imports.cc: the functions that the translated QuickJS imports. Each is a thin shell: its work is done in a
// function that returns, and only then is a trap raised, so that no destructor is jumped over
// (wasm/sandbox.h).
#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/js/instance.h"

namespace clemmys::runtime::js {

namespace {
constexpr std::uint32_t kArgumentsMax = 8;  // no host function takes more; the rest is not looked at
}

// text_at is a zero-terminated string of the engine's memory.
std::optional<std::string_view> Imports::text_at(Engine& engine, std::uint32_t address) {
  const wasm_rt_memory_t& memory = engine.instance_->module.w2c_memory;
  if (address >= memory.size) return std::nullopt;
  const void* end = std::memchr(memory.data + address, 0, memory.size - address);
  if (end == nullptr) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(memory.data + address),
                          static_cast<const char*>(end));
}

std::uint32_t Imports::host_call(Engine& engine, std::uint32_t name, std::uint32_t name_size,
                                 std::uint32_t count, std::uint32_t boxes) {
  wasm_rt_memory_t& memory = engine.instance_->module.w2c_memory;
  const auto name_bytes = wasm::slice(memory, name, name_size);
  if (!name_bytes) return 0;
  const auto found = std::ranges::find(kHostFunctions, as_text(*name_bytes));
  if (found == kHostFunctions.end()) return 0;
  std::array<Value, kArgumentsMax> arguments;
  count = std::min(count, kArgumentsMax);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto value = wasm::slice(memory, engine.word(boxes + 4 * i), sizeof(Value));
    if (!value) return 0;
    std::memcpy(&arguments[i], value->data(), sizeof(Value));
  }
  const Value result = engine.host_.call(engine, static_cast<std::size_t>(found - kHostFunctions.begin()),
                                         {arguments.data(), count});
  if (result.is_exception()) return 0;
  // The caller frees the box that its result is in.
  return engine.copy_in({reinterpret_cast<const char*>(&result), sizeof result});
}

// take_string leaves a string value's text in the engine's memory, for the engine to free; 0 with an
// exception pending.
std::uint32_t Imports::take_string(Engine& engine, Value value, std::uint32_t size_out) {
  if (value.is_exception()) return 0;
  const std::optional<std::string> text = engine.text(value);
  engine.release(value);
  if (!text) return 0;
  const std::uint32_t address = engine.copy_in(*text);
  if (size_out == 0) return address;
  const auto place = wasm::slice(engine.instance_->module.w2c_memory, size_out, sizeof(std::uint32_t));
  const auto size = static_cast<std::uint32_t>(text->size());
  if (place) std::memcpy(place->data(), &size, sizeof size);
  return place ? address : 0;
}

std::uint32_t Imports::normalize(Engine& engine, std::uint32_t base, std::uint32_t name) {
  const auto base_text = text_at(engine, base), name_text = text_at(engine, name);
  if (!base_text || !name_text) return 0;
  const std::string from(*base_text), specifier(*name_text);
  const std::array arguments = {engine.string(from), engine.string(specifier)};
  const Value resolved = engine.call(engine.root(Root::kResolveModule), arguments);
  for (const Value each : arguments) engine.release(each);
  return take_string(engine, resolved, 0);
}

std::uint32_t Imports::load(Engine& engine, std::uint32_t name, std::uint32_t size_out) {
  const auto name_text = text_at(engine, name);
  if (!name_text) return 0;
  const std::string path(*name_text);
  const std::array arguments = {engine.string(path)};
  const Value source = engine.call(engine.root(Root::kModuleSource), arguments);
  engine.release(arguments[0]);
  return take_string(engine, source, size_out);
}

void Imports::rejection(Engine& engine, std::uint32_t promise, std::uint32_t reason, std::uint32_t handled) {
  std::array<Value, 3> arguments = {Value::undefined(), Value::undefined(), Value::boolean(handled != 0)};
  const std::array boxes = {promise, reason};
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const auto value = wasm::slice(engine.instance_->module.w2c_memory, boxes[i], sizeof(Value));
    if (!value) return;
    std::memcpy(&arguments[i], value->data(), sizeof(Value));
    engine.free_box(boxes[i]);
  }
  const Value result = engine.call(engine.root(Root::kRejection), arguments);
  if (result.is_exception()) engine.release(engine.exception());
  for (const Value each : {result, arguments[0], arguments[1]}) engine.release(each);
}

bool Imports::interrupted(Engine& engine) { return engine.host_.interrupted(); }

std::uint32_t Imports::time(Engine& engine, std::uint32_t clock, std::uint32_t out) {
  constexpr std::uint32_t kRealtime = 0;  // WASI preview 1, clockid
  const std::uint64_t now = clock == kRealtime ? engine.host_.unix_ns() : engine.host_.monotonic_ns();
  const auto place = wasm::slice(engine.instance_->module.w2c_memory, out, sizeof now);
  if (!place) return 21;  // errno fault
  std::memcpy(place->data(), &now, sizeof now);
  return 0;
}

}  // namespace clemmys::runtime::js

using clemmys::runtime::js::Imports;
using Env = Z_env_instance_t;
using Wasi = Z_wasi_snapshot_preview1_instance_t;

namespace {
// checked passes a result on, unless the engine was stopped meanwhile.
template <typename Result>
Result checked(const clemmys::runtime::js::Engine& engine, Result result) {
  if (Imports::stopped(engine)) clemmys::wasm::trap_from_host();
  return result;
}
}  // namespace

extern "C" {

u32 Z_envZ_host_call(Env* env, u32 name, u32 name_size, u32, u32 count, u32 boxes) {
  return checked(*env->engine, Imports::host_call(*env->engine, name, name_size, count, boxes));
}
u32 Z_envZ_host_module_normalize(Env* env, u32 base, u32 name) {
  return checked(*env->engine, Imports::normalize(*env->engine, base, name));
}
u32 Z_envZ_host_module_load(Env* env, u32 name, u32 size_out) {
  return checked(*env->engine, Imports::load(*env->engine, name, size_out));
}
void Z_envZ_host_promise_rejection(Env* env, u32 promise, u32 reason, u32 handled) {
  Imports::rejection(*env->engine, promise, reason, handled);
  checked(*env->engine, 0);
}
u32 Z_envZ_host_interrupt(Env* env) { return Imports::interrupted(*env->engine) ? 1 : 0; }
u32 Z_envZ_host_get_timezone_offset(Env*, u32, u32) { return 0; }  // UTC

u32 Z_wasi_snapshot_preview1Z_clock_time_get(Wasi* wasi, u32 clock, u64, u32 out) {
  return Imports::time(*wasi->engine, clock, out);
}
// QuickJS opens and prints nothing by itself; its generator is not used for anything (prelude/crypto.js).
u32 Z_wasi_snapshot_preview1Z_fd_close(Wasi*, u32) { return 8; }  // errno badf
u32 Z_wasi_snapshot_preview1Z_fd_fdstat_get(Wasi*, u32, u32) { return 8; }
u32 Z_wasi_snapshot_preview1Z_fd_seek(Wasi*, u32, u64, u32, u32) { return 8; }
u32 Z_wasi_snapshot_preview1Z_fd_write(Wasi*, u32, u32, u32, u32) { return 8; }
u32 Z_wasi_snapshot_preview1Z_random_get(Wasi*, u32, u32) { return 52; }  // errno nosys
}
