#include "runtime/js/engine.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "runtime/js/instance.h"

namespace clemmys::runtime::js {
namespace {

// QuickJS's own limit on recursion, in bytes of the module's stack (1 MiB, below its data): what it refuses
// is an ordinary RangeError. What gets past it ends at the native stack's limit.
constexpr std::uint32_t kScriptStackSize = 384u << 10;
constexpr std::uint32_t kEvalModule = 1, kEvalCompileOnly = 1u << 5;  // JS_EVAL_TYPE_MODULE, JS_EVAL_FLAG_…
constexpr std::uint32_t kScratchSize = 16;

}  // namespace

Engine::Engine(Host& host) : host_(host), instance_(std::make_unique<Instance>()) {
  static const bool initialized = (Z_quickjs_init_module(), true);
  CHECK(initialized);
  const wasm::MemoryLimit limit(kMemorySizeMax);
  instance_->env.engine = this;
  instance_->wasi.engine = this;
  CHECK(guarded([&] { Z_quickjs_instantiate(&instance_->module, &instance_->env, &instance_->wasi); }));
}

Engine::~Engine() { Z_quickjs_free(&instance_->module); }

// guarded runs `body`, which calls into the module, unless a trap happened before; false after a trap.
template <typename Body>
bool Engine::guarded(Body&& body) {
  if (!usable()) return false;
  trap_ = wasm::enter(body);
  return usable();
}

std::unique_ptr<Engine> Engine::from_snapshot(Host& host, ByteView bytes) {
  std::unique_ptr<Engine> engine(new Engine(host));
  engine->restart(bytes);
  return engine;
}

void Engine::restart(ByteView bytes) {
  const Result<Snapshot> snapshot = decode(bytes);
  CHECK(snapshot.has_value());
  restore(*snapshot);
}

void Engine::limit_memory(std::size_t size_max) { wasm::limit(instance_->module.w2c_memory, size_max); }

std::unique_ptr<Engine> Engine::boot(Host& host, std::string_view prelude, std::string& problem) {
  std::unique_ptr<Engine> engine(new Engine(host));
  Z_quickjs_instance_t* module = &engine->instance_->module;
  const bool initialized = engine->guarded([&] {
    Z_quickjsZ__initialize(module);
    CHECK(Z_quickjsZ_qjs_init(module) == 0);
    Z_quickjsZ_qjs_set_max_stack_size(module, kScriptStackSize);
    Z_quickjsZ_qjs_set_interrupt_handler(module, 1);
    Z_quickjsZ_qjs_set_promise_rejection_handler(module, 1);
    Z_quickjsZ_qjs_set_module_loader(module, 1);
    engine->scratch_ = Z_quickjsZ_malloc(module, kScratchSize);
    engine->context_ = Z_quickjsZ_qjs_get_context_ptr(module);
    engine->runtime_ = Z_quickjsZ_qjs_get_runtime_ptr(module);
  });
  problem = "the engine does not initialise";
  if (!initialized || engine->scratch_ == 0) return nullptr;

  Value functions;
  engine->guarded([&] { functions.bits = Z_quickjsZ_JS_NewObject(module, engine->context_); });
  for (const std::string_view name : kHostFunctions) {
    const std::uint32_t text = engine->copy_in(name);
    engine->guarded([&] {
      const std::uint32_t box =
          Z_quickjsZ_qjs_new_host_function(module, text, static_cast<u32>(name.size()), 0);
      std::uint64_t function;
      std::memcpy(&function, module->w2c_memory.data + box, sizeof function);
      Z_quickjsZ_free(module, box);
      Z_quickjsZ_JS_SetPropertyStr(module, engine->context_, functions.bits, text, function);
      Z_quickjsZ_free(module, text);
    });
  }
  const Value start = engine->evaluate(prelude, "node:prelude", Source::kScript);
  const Value roots = start.is_exception() ? start : engine->call(start, std::array{functions});
  if (roots.is_exception()) {
    problem = engine->text(engine->exception()).value_or("trap");
    return nullptr;
  }
  engine->guarded([&] {
    for (std::uint32_t i = 0; i < kRootCount; ++i)
      engine->roots_[i] = Value{Z_quickjsZ_JS_GetPropertyUint32(module, engine->context_, roots.bits, i)};
  });
  engine->release(roots);
  engine->release(start);
  engine->collect_garbage();
  return engine->usable() ? std::move(engine) : nullptr;
}

std::size_t Engine::memory_size() const { return instance_->module.w2c_memory.size; }

std::uint32_t Engine::word(std::uint32_t address) const {
  const auto place = wasm::slice(instance_->module.w2c_memory, address, sizeof(std::uint32_t));
  std::uint32_t value = 0;
  if (place) std::memcpy(&value, place->data(), sizeof value);
  return value;
}

std::uint32_t Engine::copy_in(std::string_view content) {
  std::uint32_t address = 0;
  guarded([&] { address = Z_quickjsZ_malloc(&instance_->module, static_cast<u32>(content.size() + 1)); });
  const auto place = wasm::slice(instance_->module.w2c_memory, address, content.size() + 1);
  if (address == 0 || !place) return 0;
  std::memcpy(place->data(), content.data(), content.size());
  (*place)[content.size()] = 0;
  return address;
}

Value Engine::string(std::string_view utf8) {
  const std::uint32_t address = copy_in(utf8);
  Value value = Value::exception();
  if (address == 0) return value;
  guarded([&] {
    value.bits =
        Z_quickjsZ_JS_NewStringLen(&instance_->module, context_, address, static_cast<u32>(utf8.size()));
    Z_quickjsZ_free(&instance_->module, address);
  });
  return value;
}

Value Engine::bytes(ByteView content) {
  const std::uint32_t address = copy_in(as_text(content));
  Value value = Value::exception();
  if (address == 0) return value;
  guarded([&] {
    value.bits = Z_quickjsZ_JS_NewUint8ArrayCopy(&instance_->module, context_, address,
                                                 static_cast<u32>(content.size()));
    Z_quickjsZ_free(&instance_->module, address);
  });
  return value;
}

Value Engine::number(double number) {
  Value value = Value::exception();
  guarded([&] { value.bits = Z_quickjsZ_JS_NewNumber(&instance_->module, context_, number); });
  return value;
}

Value Engine::call(Value function, std::span<const Value> arguments) {
  const std::string_view raw(reinterpret_cast<const char*>(arguments.data()), arguments.size_bytes());
  const std::uint32_t address = copy_in(raw);
  Value result = Value::exception();
  if (address == 0) return result;
  guarded([&] {
    result.bits = Z_quickjsZ_JS_Call(&instance_->module, context_, function.bits, Value::undefined().bits,
                                     static_cast<u32>(arguments.size()), address);
    Z_quickjsZ_free(&instance_->module, address);
  });
  return result;
}

Value Engine::evaluate(std::string_view source, const std::string& name, Source kind) {
  const std::uint32_t text = copy_in(source), file = copy_in(name);
  Value result = Value::exception();
  if (text == 0 || file == 0) return result;
  const bool checks = kind == Source::kScriptToCheck || kind == Source::kModuleToCheck;
  const bool is_module = kind == Source::kModule || kind == Source::kModuleToCheck;
  const u32 flags = (is_module ? kEvalModule : 0) | (checks ? kEvalCompileOnly : 0);
  guarded([&] {
    Z_quickjs_instance_t* module = &instance_->module;
    const u32 box = Z_quickjsZ_qjs_eval(module, text, static_cast<u32>(source.size()), file, flags);
    if (box != 0 && std::uint64_t{box} + sizeof result.bits <= module->w2c_memory.size)
      std::memcpy(&result.bits, module->w2c_memory.data + box, sizeof result.bits);
    Z_quickjsZ_free(module, box);
    Z_quickjsZ_free(module, text);
    Z_quickjsZ_free(module, file);
  });
  if (!checks || result.is_exception()) return result;
  release(result);  // compiled code is no value of JavaScript's
  return Value::undefined();
}

Value Engine::exception() {
  Value value = Value::undefined();
  guarded([&] { value.bits = Z_quickjsZ_JS_GetException(&instance_->module, context_); });
  return value;
}

Value Engine::settled(Value promise) {
  constexpr std::uint32_t kPending = 0, kRejected = 2;  // JSPromiseStateEnum
  Value value = Value::undefined();
  guarded([&] {
    Z_quickjs_instance_t* module = &instance_->module;
    const u32 state = Z_quickjsZ_JS_PromiseState(module, context_, promise.bits);
    if (state == kPending) return;
    value.bits = Z_quickjsZ_JS_PromiseResult(module, context_, promise.bits);
    if (state != kRejected) return;
    Z_quickjsZ_JS_PromiseMarkAsHandled(module, context_, promise.bits);
    value.bits = Z_quickjsZ_JS_Throw(module, context_, value.bits);
  });
  return value;
}

Engine::Job Engine::run_job() {
  std::uint32_t result = 0;
  guarded([&] {
    Z_quickjs_instance_t* module = &instance_->module;
    result = Z_quickjsZ_JS_ExecutePendingJob(module, runtime_, scratch_);
  });
  if (!usable() || static_cast<std::int32_t>(result) < 0) return Job::kThrew;
  return result == 0 ? Job::kNone : Job::kRan;
}

void Engine::collect_garbage() {
  guarded([&] { Z_quickjsZ_JS_RunGC(&instance_->module, runtime_); });
}

std::optional<std::string> Engine::text(Value value) {
  std::uint32_t address = 0;
  guarded(
      [&] { address = Z_quickjsZ_JS_ToCStringLen2(&instance_->module, context_, scratch_, value.bits, 0); });
  const auto content = wasm::slice(instance_->module.w2c_memory, address, word(scratch_));
  if (!usable() || address == 0 || !content) return std::nullopt;
  std::string result(as_text(*content));
  guarded([&] { Z_quickjsZ_JS_FreeCString(&instance_->module, context_, address); });
  return result;
}

std::optional<std::span<std::uint8_t>> Engine::array_content(Value array) {
  std::uint32_t address = 0;
  if (!array.is_object()) return std::nullopt;
  guarded([&] { address = Z_quickjsZ_JS_GetUint8Array(&instance_->module, context_, scratch_, array.bits); });
  const std::uint32_t size = word(scratch_);
  if (!usable()) return std::nullopt;
  if (address == 0) {
    // "not a Uint8Array" is pending, or nothing is: then it is an empty one.
    const Value pending = exception();
    release(pending);
    if (pending.tag() != Value::kUninitialized) return std::nullopt;
    return std::span<std::uint8_t>();
  }
  return wasm::slice(instance_->module.w2c_memory, address, size);
}

std::optional<Bytes> Engine::content(Value value) {
  const auto content = array_content(value);
  if (!content) return std::nullopt;
  return Bytes(content->begin(), content->end());
}

bool Engine::fill(Value array, ByteView content) {
  const auto place = array_content(array);
  if (!place || place->size() != content.size()) return false;
  std::memcpy(place->data(), content.data(), content.size());
  return true;
}

std::optional<double> Engine::as_number(Value value) const {
  if (value.tag() == 0) return static_cast<std::int32_t>(value.bits);
  // JS_FLOAT64_TAG_ADDEND: 0x7ff80000 - JS_TAG_FIRST + 1, and JS_TAG_FIRST is -9.
  constexpr std::uint32_t kAddend = 0x7ff80000u + 9 + 1;
  const auto tag = static_cast<std::int32_t>(value.tag());
  if (tag >= -9 && tag < 8) return std::nullopt;
  return std::bit_cast<double>(value.bits + (std::uint64_t{kAddend} << 32));
}

void Engine::release(Value value) {
  guarded([&] { Z_quickjsZ_JS_FreeValue(&instance_->module, context_, value.bits); });
}

Value Engine::duplicate(Value value) {
  guarded([&] { value.bits = Z_quickjsZ_JS_DupValue(&instance_->module, context_, value.bits); });
  return value;
}

void Engine::free_box(std::uint32_t box) {
  guarded([&] { Z_quickjsZ_free(&instance_->module, box); });
}

Snapshot Engine::save() const {
  const wasm_rt_memory_t& memory = instance_->module.w2c_memory;
  Snapshot snapshot;
  snapshot.pages = memory.pages;
  snapshot.stack_pointer = instance_->module.w2c___stack_pointer;
  snapshot.scratch = scratch_;
  snapshot.context = context_;
  snapshot.runtime = runtime_;
  snapshot.roots = roots_;
  capture({memory.data, memory.size}, snapshot);
  return snapshot;
}

void Engine::restore(const Snapshot& snapshot) {
  wasm_rt_memory_t& memory = instance_->module.w2c_memory;
  CHECK(wasm::resize(memory, snapshot.pages));
  lay_out(snapshot, {memory.data, memory.size});
  instance_->module.w2c___stack_pointer = snapshot.stack_pointer;
  scratch_ = snapshot.scratch;
  context_ = snapshot.context;
  runtime_ = snapshot.runtime;
  roots_ = snapshot.roots;
  trap_ = wasm::Trap::kNone;
}

}  // namespace clemmys::runtime::js
