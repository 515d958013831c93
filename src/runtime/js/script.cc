#include "runtime/js/script.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/clock.h"
#include "runtime/js/image_data.h"
#include "runtime/js/world.h"
#include "runtime/wasm/deadline.h"
#include "wire/links.h"

namespace clemmys::runtime {
namespace {

using js::Engine;
using js::Root;
using js::Value;

// Outcome is how a task ended: task.js says which of the first five.
struct Outcome {
  enum class Kind : std::uint8_t {
    kAnswer,
    kBytes,
    kRejection,
    kFault,
    kEnded,
    kOutOfTime,
    kOutOfMemory,
    kNeverSettles,
    kTrap
  };
  Kind kind = Kind::kTrap;
  std::string text;
  Bytes content;
};

}  // namespace

// The engine's host is the world: both stay where they are, whoever owns them.
class Sandbox {
 public:
  SystemClock clock;
  js::World world{clock};
  std::unique_ptr<Engine> engine = Engine::from_snapshot(world, js::initial_snapshot());
};
void SandboxEnd::operator()(Sandbox* sandbox) const { delete sandbox; }

namespace {

class SandboxedScript final : public Script {
 public:
  SandboxedScript(SandboxOwner sandbox, js::ActionFiles files, const ScriptSource& source,
                  const ScriptLimits& limits, Isolation isolation)
      : sandbox_(std::move(sandbox)),
        clock_(sandbox_->clock),
        world_(sandbox_->world),
        engine_(sandbox_->engine),
        is_zip_(source.is_zip),
        main_(source.main.empty() ? "main" : source.main),
        limits_(limits),
        isolation_(isolation) {
    world_.set_files(std::move(files));
    for (const auto& [name, value] : source.environment) environment_[name] = value;
  }

  // load is for the call with this id and deadline.
  std::optional<InitFailure> load(const std::string& activation_id, std::uint64_t deadline_unix_ms) {
    if (!engine_) engine_ = Engine::from_snapshot(world_, js::initial_snapshot());
    engine_->limit_memory(wasm::sandbox_size(limits_.memory_mib));
    world_.set_deadline_ns(wasm::deadline_ns(clock_, limits_.load_ms, 0));
    environment_["__OW_ACTIVATION_ID"] = activation_id;
    environment_["__OW_DEADLINE"] = std::to_string(deadline_unix_ms);
    const std::array arguments = {Value::boolean(is_zip_), engine_->string(main_),
                                  engine_->string(boost::json::serialize(environment_))};
    Outcome outcome = run(Root::kLoad, arguments);
    if (outcome.kind != Outcome::Kind::kAnswer) {
      engine_.reset();
      const bool is_logged = outcome.kind == Outcome::Kind::kFault;  // by task.js, with its trace
      const bool out_of_time = outcome.kind == Outcome::Kind::kOutOfTime;
      InitFailure failure{init_text(std::move(outcome)), out_of_time};
      if (!is_logged) log(failure);
      return failure;
    }
    if (isolation_ == Isolation::kResettable && !loaded_) {
      engine_->collect_garbage();
      loaded_ = engine_->save();
    }
    return std::nullopt;
  }

  Reply call(const Call& call) override {
    if (!engine_) {
      if (auto failure = load(call.activation_id, call.deadline_unix_ms)) return failure->reply();
    }
    world_.set_deadline_ns(wasm::deadline_ns(clock_, call.timeout_ms, call.deadline_unix_ms));
    const std::array arguments = {
        call.is_json ? engine_->string(as_text(call.body)) : engine_->bytes(call.body),
        engine_->string(call.activation_id), engine_->string(std::to_string(call.deadline_unix_ms))};
    return reply(run(Root::kCall, arguments), call.timeout_ms);
  }

  void reset() override {
    if (loaded_ && engine_) engine_->restore(*loaded_);
  }
  std::size_t memory_size() const override { return engine_ ? engine_->memory_size() : 0; }

  static void log(const InitFailure& failure) { fprintf(stderr, "%s\n", failure.text.c_str()); }

  // release gives up the function and returns the sandbox as it was before.
  static SandboxOwner release(std::unique_ptr<SandboxedScript> script) {
    SandboxOwner sandbox = std::move(script->sandbox_);
    if (!sandbox->engine) return nullptr;
    sandbox->engine->restart(js::initial_snapshot());
    sandbox->engine->limit_memory(Engine::kMemorySizeMax);
    sandbox->world.set_files({});
    return sandbox;
  }

 private:
  // run is run_to_end; a failure after memory was refused is the memory's.
  Outcome run(Root start, std::span<const Value> arguments) {
    using enum Outcome::Kind;
    const wasm::MemoryLimit limit(wasm::sandbox_size(limits_.memory_mib));
    Outcome outcome = run_to_end(start, arguments);
    const bool failed = outcome.kind == kRejection || outcome.kind == kFault || outcome.kind == kEnded ||
                        outcome.kind == kTrap;
    if (failed && limit.was_met()) outcome.kind = kOutOfMemory;
    return outcome;
  }

  // run_to_end starts a task and drives it to its outcome; it releases the arguments.
  Outcome run_to_end(Root start, std::span<const Value> arguments) {
    Value started = engine_->call(engine_->root(start), arguments);
    for (const Value each : arguments) engine_->release(each);
    report(started);
    for (;;) {
      if (const auto end = run_jobs()) return *end;
      const Value polled = engine_->call(engine_->root(Root::kPoll), {});
      // Whatever came of what was ended half-way is not the function's answer.
      if (world_.was_interrupted()) return {Outcome::Kind::kOutOfTime, {}, {}};
      if (polled.is_string() || polled.is_object()) return outcome_of(polled);
      const std::optional<double> wait = engine_->as_number(polled);
      if (!wait)
        report(polled);
      else if (*wait < 0)
        return {Outcome::Kind::kNeverSettles, {}, {}};
      else if (*wait > 0)
        world_.sleep_ms(*wait);
    }
  }

  std::optional<Outcome> stopped() const {
    if (!engine_->usable()) return Outcome{Outcome::Kind::kTrap, std::string(name(engine_->trap())), {}};
    if (world_.out_of_time()) return Outcome{Outcome::Kind::kOutOfTime, {}, {}};
    return std::nullopt;
  }

  // run_jobs runs jobs until there are none.
  std::optional<Outcome> run_jobs() {
    constexpr int kJobsPerCheck = 256;
    for (int n = 0;; ++n) {
      if (n % kJobsPerCheck == 0)
        if (auto end = stopped()) return end;
      const Engine::Job job = engine_->run_job();
      if (job == Engine::Job::kNone) return engine_->usable() ? std::nullopt : stopped();
      if (job == Engine::Job::kThrew) {
        if (auto end = stopped()) return end;
        report(Value::exception());
      }
    }
  }

  // report hands a pending exception to the prelude, which decides what it means.
  void report(Value result) {
    if (!result.is_exception()) return engine_->release(result);
    if (!engine_->usable() || world_.out_of_time()) return;
    const std::array error = {engine_->exception()};
    const Value done = engine_->call(engine_->root(Root::kException), error);
    engine_->release(error[0]);
    if (done.is_exception()) engine_->release(engine_->exception());
    engine_->release(done);
  }

  Outcome outcome_of(Value value) {
    Outcome outcome;
    if (value.is_object()) {
      if (auto content = engine_->content(value)) outcome = {Outcome::Kind::kBytes, {}, std::move(*content)};
    } else if (auto text = engine_->text(value); text && !text->empty()) {
      const char letter = text->front();
      outcome.kind = letter == 'A'   ? Outcome::Kind::kAnswer
                     : letter == 'R' ? Outcome::Kind::kRejection
                     : letter == 'D' ? Outcome::Kind::kFault
                                     : Outcome::Kind::kEnded;
      outcome.text = text->erase(0, 1);
    }
    engine_->release(value);
    return outcome;
  }

  Reply reply(Outcome outcome, std::uint64_t timeout_ms) {
    using enum Outcome::Kind;
    switch (outcome.kind) {
      case kAnswer:
      case kRejection:
        return {Reply::Kind::kAnswer, true, to_bytes(outcome.text), {}};
      case kBytes:
        return {Reply::Kind::kAnswer, false, std::move(outcome.content), {}};
      case kFault:
        return {Reply::Kind::kFault, true, {}, std::move(outcome.text)};
      case kNeverSettles:
        return {Reply::Kind::kFault,
                true,
                {},
                "The action's promise never settles: nothing is left that could settle it."};
      case kTrap:
        fprintf(stderr, "The action was stopped: %s.\n", outcome.text.c_str());
        break;
      case kOutOfTime:
      case kOutOfMemory:
      case kEnded:
        break;
    }
    engine_.reset();  // whatever state there was, nobody can say that it is whole
    if (outcome.kind == kOutOfTime)
      return {Reply::Kind::kOutOfTime, true, {}, wire::text::time_exceeded(timeout_ms)};
    const std::string_view text =
        outcome.kind == kOutOfMemory ? wire::text::kMemoryExhausted : wire::text::kAbnormalRun;
    return {Reply::Kind::kFault, true, {}, std::string(text)};
  }

  std::string init_text(Outcome outcome) const {
    using enum Outcome::Kind;
    switch (outcome.kind) {
      case kFault:
        return std::move(outcome.text);
      case kOutOfTime:
        return wire::text::time_exceeded_in_init(limits_.load_ms);
      case kOutOfMemory:
        return std::string(wire::text::kMemoryExhausted);
      case kNeverSettles:
        return "Initialization has failed due to: a promise at the top level never settles.";
      default:
        return "Initialization has failed due to: the code ended its process.";
    }
  }

  SandboxOwner sandbox_;
  const SystemClock& clock_;  // these three are the sandbox's
  js::World& world_;
  std::unique_ptr<Engine>& engine_;
  bool is_zip_;
  std::string main_;
  boost::json::object environment_;
  ScriptLimits limits_;
  Isolation isolation_;
  std::optional<js::Snapshot> loaded_;
};

}  // namespace

SandboxOwner prepare_sandbox() {
  constexpr std::string_view kCode = "function main(p) { console.log; return {text: `${p.text}`}; }";
  const ScriptSource source{.code = as_bytes(kCode), .environment = {{"name", "value"}}};
  auto script =
      std::make_unique<SandboxedScript>(SandboxOwner(new Sandbox), js::ActionFiles::of_source(source.code),
                                        source, ScriptLimits{}, Isolation::kSharedState);
  if (!script->load({}, 0))
    script->call({.body = as_bytes(R"({"text":"x"})"), .activation_id = "0", .deadline_unix_ms = 0});
  return SandboxedScript::release(std::move(script));
}

LoadedScript load_script(const ScriptSource& source, const ScriptLimits& limits, Isolation isolation,
                         SandboxOwner sandbox) {
  Result<js::ActionFiles> files =
      source.is_zip ? js::ActionFiles::of_zip(source.code) : js::ActionFiles::of_source(source.code);
  if (!files) {
    InitFailure failure{"Initialization has failed due to: " + files.error().detail};
    SandboxedScript::log(failure);
    return failure;
  }
  if (!sandbox) sandbox.reset(new Sandbox);
  auto script =
      std::make_unique<SandboxedScript>(std::move(sandbox), std::move(*files), source, limits, isolation);
  if (auto failure = script->load(source.activation_id, source.deadline_unix_ms)) return std::move(*failure);
  return script;
}

std::optional<std::string> syntax_error(const ScriptSource& source) {
  Result<js::ActionFiles> files =
      source.is_zip ? js::ActionFiles::of_zip(source.code) : js::ActionFiles::of_source(source.code);
  if (!files) return std::string(files.error().detail);
  Sandbox sandbox;
  Engine& engine = *sandbox.engine;
  sandbox.world.set_files(std::move(*files));
  const std::array arguments = {Value::boolean(source.is_zip),
                                engine.string(source.main.empty() ? "main" : source.main)};
  const Value checked = engine.call(engine.root(Root::kCheck), arguments);
  return checked.is_exception() ? engine.text(engine.exception()) : std::nullopt;
}

}  // namespace clemmys::runtime
