#include "runtime/js/world.h"

#include <stdio.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "crypto/crypto.h"
#include "runtime/js/image_data.h"
#include "runtime/js/zip.h"

namespace clemmys::runtime::js {
namespace {

constexpr std::size_t kBuiltinSizeMax = 4u << 20;

// Arguments reads the arguments of one host function; what is missing is undefined.
class Arguments {
 public:
  Arguments(Engine& engine, std::span<const Value> values) : engine_(engine), values_(values) {}
  Value at(std::size_t i) const { return i < values_.size() ? values_[i] : Value::undefined(); }
  // text is empty for what is no string: the prelude passes strings.
  std::string text(std::size_t i) const {
    return at(i).is_string() ? engine_.text(at(i)).value_or("") : std::string();
  }
  double number(std::size_t i) const { return engine_.as_number(at(i)).value_or(0); }

 private:
  Engine& engine_;
  std::span<const Value> values_;
};

// log: stream 0 and 1 are lines of stdout and stderr, 2 and 3 pieces of them.
void log(double stream, const std::string& text) {
  FILE* const file = stream == 0 || stream == 2 ? stdout : stderr;
  fwrite(text.data(), 1, text.size(), file);
  if (stream < 2) fputc('\n', file);
}

Value digest(Engine& engine, const std::string& algorithm, Value data) {
  if (algorithm != "sha256" && algorithm != "sha512") return Value::undefined();
  const std::optional<Bytes> content = engine.content(data);
  if (!content) return Value::undefined();
  if (algorithm == "sha256") return engine.bytes(crypto::sha256(*content).bytes);
  return engine.bytes(crypto::sha512({*content}).bytes);
}

Value random_fill(Engine& engine, Value array) {
  const std::optional<Bytes> content = engine.content(array);
  if (!content) return Value::undefined();
  Bytes random(content->size());
  crypto::random_bytes(random);
  if (!engine.fill(array, random)) return Value::undefined();
  return engine.duplicate(array);
}

Value builtin_source(Engine& engine, std::string name) {
  std::ranges::replace(name, '/', '+');
  Result<ZipReader> archive = ZipReader::open(builtins_archive());
  if (!archive) return Value::undefined();
  const Result<Bytes> source = archive->find("builtins/" + name + ".js", kBuiltinSizeMax);
  return source ? engine.string(as_text(*source)) : Value::undefined();
}

Value evaluate(Engine& engine, const Arguments& in) {
  constexpr std::array kKinds = {Engine::Source::kScript, Engine::Source::kModule,
                                 Engine::Source::kScriptToCheck, Engine::Source::kModuleToCheck};
  return engine.evaluate(in.text(0), in.text(1), kKinds.at(static_cast<std::size_t>(in.number(2))));
}

}  // namespace

World::~World() { wipe(reinterpret_cast<std::uint8_t*>(random_.data()), sizeof random_); }

void World::sleep_ms(double ms) const {
  double ns = std::min(ms, 1e9) * 1e6;
  if (deadline_ns_ != 0) {
    const std::uint64_t now = clock_.monotonic_ns();
    ns = std::min(ns, deadline_ns_ > now ? static_cast<double>(deadline_ns_ - now) : 0.0);
  }
  const timespec time{static_cast<time_t>(ns / 1e9), static_cast<long>(std::fmod(ns, 1e9))};
  nanosleep(&time, nullptr);
}

double World::random_double() {
  if (random_left_ == 0) {
    crypto::random_bytes({reinterpret_cast<std::uint8_t*>(random_.data()), sizeof random_});
    random_left_ = random_.size();
  }
  return std::ldexp(static_cast<double>(random_[--random_left_] >> 11), -53);
}

Value World::call(Engine& engine, std::size_t function, std::span<const Value> arguments) {
  const Arguments in(engine, arguments);
  const std::string_view name = kHostFunctions[function];
  if (name == "now") return engine.number(static_cast<double>(clock_.monotonic_ns()) / 1e6);
  if (name == "unixTime") return engine.number(static_cast<double>(clock_.unix_ms()));
  if (name == "randomDouble") return engine.number(random_double());
  if (name == "randomFill") return random_fill(engine, in.at(0));
  if (name == "log") return log(in.number(0), in.text(1)), Value::undefined();
  if (name == "stat") return Value::integer(static_cast<std::int32_t>(files_.kind(in.text(0))));
  if (name == "evaluate") return evaluate(engine, in);
  if (name == "settled") return engine.settled(in.at(0));
  if (name == "builtinSource") return builtin_source(engine, in.text(0));
  if (name == "digest") return digest(engine, in.text(0), in.at(1));
  if (name == "encodeUtf8") return engine.bytes(as_bytes(in.text(0)));
  if (name == "memorySize") return engine.number(static_cast<double>(engine.memory_size()));
  if (name == "list") {
    const auto names = files_.list(in.text(0));
    return names ? engine.string(*names) : Value::undefined();
  }
  if (name == "decodeUtf8") {
    const auto content = engine.content(in.at(0));
    return content ? engine.string(as_text(*content)) : Value::undefined();
  }
  const auto file = files_.find(in.text(0));
  if (!file) return Value::undefined();
  return name == "readText" ? engine.string(as_text(*file)) : engine.bytes(*file);
}

}  // namespace clemmys::runtime::js
