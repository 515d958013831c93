// engine.h: QuickJS in a sandbox of its own: calls into it, values of it, and what it may call.
//
// Idea: the engine is QuickJS-ng compiled to WebAssembly and from there to C by wasm2c. All it has is a
// linear memory and the functions of `Host`. An engine starts as a copy of a snapshot: the memory of an
// engine that evaluated the prelude when the image was built. Once a trap happened (wasm/sandbox.h) an engine
// does nothing more, and every call says so. Trust: trusted; what runs in the engine is not. Threads: one.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "runtime/js/quickjs.h"
#include "runtime/js/snapshot.h"
#include "runtime/wasm/sandbox.h"

namespace clemmys::runtime::js {

class Engine;

// Host is what JavaScript can reach of the world. Everything that comes from the engine is chosen by the
// function's code.
class Host {
 public:
  virtual ~Host() = default;
  // call is host function `function` (kHostFunctions) with its arguments; it returns a new value, or
  // Value::exception() with an exception pending in the engine.
  virtual Value call(Engine& engine, std::size_t function, std::span<const Value> arguments) = 0;
  // interrupted is asked every few thousand steps: true ends what runs.
  virtual bool interrupted() = 0;
  virtual std::uint64_t unix_ns() = 0;
  virtual std::uint64_t monotonic_ns() = 0;
};

// Instance is the translated module's state; the two import objects lead back to the engine.
struct Instance;

class Engine {
 public:
  // boot initialises QuickJS and evaluates the prelude, whose value is called with the host functions; its
  // result's members are the roots. Only the build does this. nullptr with a word in `problem` when it fails.
  static std::unique_ptr<Engine> boot(Host& host, std::string_view prelude, std::string& problem);
  // from_snapshot starts as a copy; restart makes it one again. The snapshot is part of the image, so that a
  // bad one is our own bug.
  static std::unique_ptr<Engine> from_snapshot(Host& host, ByteView snapshot);
  void restart(ByteView snapshot);
  // limit_memory says how far the memory may grow; until then to kMemorySizeMax.
  static constexpr std::size_t kMemorySizeMax = wasm::kSandboxSizeMax;
  void limit_memory(std::size_t size_max);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  wasm::Trap trap() const { return trap_; }
  bool usable() const { return trap_ == wasm::Trap::kNone; }
  std::size_t memory_size() const;
  Value root(Root root) const { return roots_[static_cast<std::size_t>(root)]; }

  // Values that these return belong to the caller: release() them. A failure (memory, trap) is
  // Value::exception().
  Value string(std::string_view utf8);
  Value bytes(ByteView content);  // a Uint8Array
  Value number(double number);
  Value call(Value function, std::span<const Value> arguments);
  // kScriptToCheck, kModuleToCheck: the source is compiled, with what it imports, and nothing of it runs.
  enum class Source : std::uint8_t { kScript, kModule, kScriptToCheck, kModuleToCheck };
  Value evaluate(std::string_view source, const std::string& name, Source kind);
  Value exception();             // takes the pending one
  Value settled(Value promise);  // the value of a fulfilled promise, else undefined; a rejected one's reason
                                 // becomes pending
  // run_job runs one pending job: false when there was none. kThrew: its exception is pending.
  enum class Job : std::uint8_t { kNone, kRan, kThrew };
  Job run_job();
  void collect_garbage();

  std::optional<std::string> text(Value value);  // any value, as String(value) in UTF-8
  std::optional<Bytes> content(Value value);     // of a Uint8Array
  bool fill(Value array, ByteView content);      // overwrites a Uint8Array of that very size
  std::optional<double> as_number(Value value) const;
  void release(Value value);
  Value duplicate(Value value);

  // Memory of this engine as it is, for a snapshot, and back again.
  Snapshot save() const;
  void restore(const Snapshot& snapshot);

 private:
  friend struct Imports;
  explicit Engine(Host& host);
  template <typename Body>
  bool guarded(Body&& body);
  std::optional<std::span<std::uint8_t>> array_content(Value array);
  std::uint32_t copy_in(std::string_view content);  // zero-terminated; 0 when there is no memory
  std::uint32_t word(std::uint32_t address) const;
  void free_box(std::uint32_t box);

  Host& host_;
  std::unique_ptr<Instance> instance_;
  std::array<Value, kRootCount> roots_{};
  // Addresses in the engine's memory: its JSContext and JSRuntime, and a few words for results by pointer.
  std::uint32_t context_ = 0, runtime_ = 0, scratch_ = 0;
  wasm::Trap trap_ = wasm::Trap::kNone;
};

}  // namespace clemmys::runtime::js
