// JavaScript that means harm: to its memory and time limits, to the prelude it shares globals with, to the
// host functions. Whatever it does, the process goes on, the client gets an answer, and the next call starts
// clean.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime {
namespace {

using testing::answer;
using testing::call;
using testing::fault;
using testing::load;

constexpr std::string_view kTooLate = "The action exceeded its time limits of 300 milliseconds.",
                           kTooLarge = "The action exhausted its memory and was aborted.";

// after runs `attack` in a call of a script of its own, then an ordinary call of the same script.
Reply attack(const std::string& code, std::uint64_t milliseconds = 60'000,
             ScriptLimits limits = {.memory_mib = 64}) {
  const auto script = load(
      "function attack() {" + code + "}\nfunction main(p) { return p.attack ? attack() : {fine: true}; }",
      "main", Isolation::kSharedState, limits);
  EXPECT_TRUE(script);
  if (!script) return {};
  Reply reply = call(*script, R"({"attack":true})", milliseconds);
  EXPECT_EQ(as_text(call(*script).body), R"({"fine":true})") << code;
  EXPECT_LE(script->memory_size(), std::size_t{limits.memory_mib} << 20);
  return reply;
}

TEST(HostileScript, RecursionIsAnErrorThatItMayCatch) {
  EXPECT_EQ(as_text(attack("let n = 0; const f = () => { n++; f(); }; try { f(); } catch (e) { return {name: "
                           "e.constructor.name, deep: n > 1500}; }")
                        .body),
            R"({"name":"RangeError","deep":true})");
  for (const char* deep : {"const f = () => f() + 1; return f();", "JSON.parse('['.repeat(1e6));",
                           "new RegExp('('.repeat(1e5));", "eval('('.repeat(1e5));",
                           "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a;",
                           "const p = new Proxy({}, {get: (t, k, r) => r[k]}); return {x: p.y};",
                           "const o = {toString() { return '' + o; }}; throw o;",
                           "let f = () => {}; for (let i = 0; i < 1e5; i++) f = f.bind(null); f();",
                           "let s = 'a'; for (let i = 0; i < 1e5; i++) s = {toString: ((t) => () => '' + "
                           "t)(s)}; return {s: '' + s};"}) {
    const Reply reply = attack(deep);
    EXPECT_NE(reply.kind, Reply::Kind::kException) << deep;
    EXPECT_NE(reply.kind, Reply::Kind::kFailure) << deep;
  }
}

TEST(HostileScript, MemoryEndsAtItsLimit) {
  for (const char* greedy :
       {"const a = []; for (;;) a.push(new Array(1e5).fill(1));", "return {s: 'x'.repeat(2 ** 29).length};",
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20));",
        "return (async () => { await 0; const a = []; for (;;) a.push(new Uint8Array(1 << 20)); })();",
        "setTimeout(() => { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length); }, 1); return new "
        "Promise(() => {});",
        "const m = new Map(); for (let i = 0;; i++) m.set(i, {i});",
        "return {b: Buffer.alloc(2 ** 30).length};", "crypto.getRandomValues(new Uint8Array(2 ** 29));",
        "const a = []; for (let i = 0; i < 1e9; i++) a[i * 1000] = new Float64Array(1e4);"}) {
    const Reply reply = attack(greedy, 20'000);
    EXPECT_EQ(reply.kind, Reply::Kind::kFault) << greedy;
    EXPECT_EQ(reply.text, kTooLarge) << greedy;
  }
  // What the language itself refuses is no matter of the limit.
  for (const char* refused :
       {"let s = 'x'; for (;;) s += s;", "new ArrayBuffer(2 ** 31);", "(2n ** (2n ** 40n)).toString();"})
    EXPECT_TRUE(attack(refused).text.starts_with("An error has occurred: ")) << refused;
}

TEST(HostileScript, TimeEndsAtTheDeadline) {
  for (const char* endless :
       {"for (;;);", "return (async () => { for (;;) await 0; })();",
        "const f = () => queueMicrotask(f); f(); return new Promise(() => {});",
        "/(a+)+$/.test('a'.repeat(40) + 'b'); for (;;);",
        "setInterval(() => {}, 1); return new Promise(() => {});", "for (;;) { try { for (;;); } catch {} }",
        "return new Promise(r => setTimeout(r, 1e8));", "return {get x() { for (;;); }};",
        "return {toJSON() { for (;;); }};", "return {then() { for (;;); }};",
        "try { for (;;); } finally { for (;;); }", "[1, 2].sort(() => { for (;;); });"}) {
    const Reply reply = attack(endless, 300);
    EXPECT_EQ(reply.kind, Reply::Kind::kOutOfTime) << endless;
    EXPECT_EQ(reply.text, kTooLate) << endless;
  }
}

TEST(HostileScript, ChangedGlobalsDoNotReachThePrelude) {
  // Every method of the built-in prototypes throws, then a call runs through load, answer, rejection and
  // error paths.
  const std::string before = R"js(
    const define = Reflect.defineProperty, targets = [], Object_ = Object;
    for (const name of ['Array', 'String', 'Object', 'Function', 'Promise', 'Map', 'JSON', 'Reflect', 'Math', 'Uint8Array', 'Error', 'Symbol', 'Number'])
      for (const holder of [globalThis[name], globalThis[name].prototype].filter(Boolean))
        for (const key of Reflect.ownKeys(holder)) {
          const {value, configurable} = Reflect.getOwnPropertyDescriptor(holder, key);
          if (typeof value === 'function' && configurable && key !== 'constructor') targets[targets.length] = {holder, key, name};
        }
  )js";
  const std::string poison = R"js(
    for (let i = 0; i < targets.length; i++) define(targets[i].holder, targets[i].key, {value() { throw 'poisoned ' + targets[i].name; }});
    define(Object_.prototype, 'then', {get() { return undefined; }, set() {}, configurable: true});
  )js";
  EXPECT_EQ(answer(before + "function main() {" + poison + "return {fine: 1}; }"), R"({"fine":1})");
  EXPECT_EQ(answer(before + "async function main() {" + poison + "return {fine: 2}; }"), R"({"fine":2})");
  EXPECT_EQ(fault(before + "function main() {" + poison + "throw 'mine'; }"), "An error has occurred: mine");
  const auto script =
      load(before + "let n = 0; function main() { if (n++ === 0) {" + poison + "} return {n}; }");
  ASSERT_TRUE(script);
  EXPECT_EQ(as_text(call(*script).body), R"({"n":1})");
  EXPECT_EQ(as_text(call(*script).body), R"({"n":2})");
}

TEST(HostileScript, ResultsThatBiteAreJudgedLikeAllOthers) {
  EXPECT_EQ(fault("function main() { return {get x() { throw new Error('got'); }}; }"),
            "The action did not produce a valid response: Error: got");
  EXPECT_EQ(fault("function main() { return new Proxy({}, {ownKeys() { throw new Error('keys'); }}); }"),
            "The action did not produce a valid response: Error: keys");
  EXPECT_EQ(answer("function main() { return {get then() { throw new Error('then'); }}; }"),
            R"({"error":{"name":"Error","message":"then"}})");
  EXPECT_EQ(fault("function main() { return {toJSON() { return 'text'; }}; }"),
            "The action did not return a dictionary or array.");
  EXPECT_EQ(fault("function main() { throw {toString() { throw 1; }}; }"),
            "An error has occurred: an error that cannot be shown");
  EXPECT_EQ(fault("function main() { throw Object.create(null); }"),
            "An error has occurred: an error that cannot be shown");
  EXPECT_EQ(
      answer("async function main() { throw new Proxy({}, {get() { throw 1; }, ownKeys() { throw 2; }}); }"),
      R"({"error":"an error that cannot be shown"})");
  EXPECT_EQ(
      answer("Error.prepareStackTrace = () => { throw 1; }; async function main() { throw new Error('x'); }")
          .substr(0, 9),
      R"({"error":)");
}

TEST(HostileScript, HostFunctionsTakeNothingButWhatTheyCheck) {
  // Buffers that change or vanish under a host function, and the entry that generated modules use.
  const auto refused = [](const std::string& code) {
    return answer("function main() { try { return {got: String(" + code +
                  ")}; } catch (e) { return {refused: true}; } }");
  };
  EXPECT_EQ(refused("(() => { const a = new Uint8Array(8); structuredClone(a, {transfer: [a.buffer]}); "
                    "return crypto.getRandomValues(a).length; })()")
                .find("got\":\"8"),
            std::string::npos);
  EXPECT_EQ(refused("(() => { const b = new ArrayBuffer(8, {maxByteLength: 16}); const a = new "
                    "Uint8Array(b); b.resize(0); crypto.getRandomValues(a); return a.length; })()"),
            R"({"got":"0"})");
  EXPECT_EQ(refused("(() => { const b = new ArrayBuffer(8, {maxByteLength: 16}); const a = new Uint8Array(b, "
                    "4, 4); b.resize(4); return new TextDecoder().decode(a); })()"),
            R"({"got":""})");
  EXPECT_EQ(refused("globalThis[Symbol.for('clemmys.module')]('/etc/passwd')"), R"({"refused":true})");
  EXPECT_EQ(refused("globalThis[Symbol.for('clemmys.module')]({toString() { return '/etc/passwd'; }, "
                    "startsWith() { return false; }})"),
            R"({"refused":true})");
  EXPECT_EQ(refused("require('fs').readFileSync('/action/../../etc/passwd')"), R"({"refused":true})");
  EXPECT_EQ(refused("require('fs').readFileSync('/action/index.js').length > 10"), R"({"got":"true"})");
  EXPECT_EQ(refused("require('fs').writeFileSync('/action/index.js', '')"), R"({"refused":true})");
  EXPECT_EQ(refused("process.binding('natives')"), R"({"refused":true})");
  EXPECT_EQ(refused("(() => { const seen = []; const hook = Function.prototype.call; Function.prototype.call "
                    "= function (...a) { seen.push(a); return hook.apply(this, a); }; "
                    "console.log({}); Function.prototype.call = hook; return seen.flat().filter((v) => v && "
                    "typeof v === 'object' && 'readText' in v).length; })()"),
            R"({"got":"0"})");
}

}  // namespace
}  // namespace clemmys::runtime
