#include "runtime/js/script.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/crypto.h"
#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime {
namespace {

using testing::answer;
using testing::call;
using testing::fault;
using testing::load;
using testing::load_failure;

TEST(Script, CallsMainWithTheParameters) {
  EXPECT_EQ(answer("function main(p) { return {greeting: 'Hello, ' + p.name + '!'}; }", R"({"name":"Ada"})"),
            R"({"greeting":"Hello, Ada!"})");
  EXPECT_EQ(answer("const main = (p) => ({n: p.n + 1});", R"({"n":1})"), R"({"n":2})");
}

TEST(Script, AwaitsPromisesAndTimers) {
  EXPECT_EQ(
      answer("async function main() { await new Promise(r => setTimeout(r, 5)); return {late: true}; }"),
      R"({"late":true})");
  EXPECT_EQ(answer("function main() { return {then(done) { done({thenable: 1}); }}; }"), R"({"thenable":1})");
}

TEST(Script, FindsMainAmongExportsOfBothKindsOfModules) {
  EXPECT_EQ(answer("exports.main = () => ({kind: 'exports'});"), R"({"kind":"exports"})");
  EXPECT_EQ(answer("module.exports = () => ({kind: 'module'});"), R"({"kind":"module"})");
  EXPECT_EQ(
      answer(
          "import path from 'node:path'; export function main() { return {kind: path.basename('/a/esm')}; }"),
      R"({"kind":"esm"})");
  EXPECT_EQ(answer("const v = await Promise.resolve(3); export default () => ({v});"), R"({"v":3})");
}

TEST(Script, TakesTheNameOfItsFunction) {
  auto script = load("function other() { return {other: 1}; }", "other");
  ASSERT_TRUE(script);
  EXPECT_EQ(as_text(call(*script).body), R"({"other":1})");
  EXPECT_EQ(load_failure("function main() {}", "nope"),
            "Initialization has failed due to: Action entrypoint 'nope' is not a function.");
  EXPECT_NE(load_failure("function main() {}", "main; evil()").find("must be an identifier"),
            std::string::npos);
}

TEST(Script, AnErrorThatIsThrownIsADevelopersError) {
  EXPECT_EQ(fault("function main() { throw new Error('no'); }"), "An error has occurred: Error: no");
  EXPECT_EQ(fault("function main() { throw 'text'; }"), "An error has occurred: text");
}

TEST(Script, ARejectedPromiseIsAnErrorOfTheActionWithoutItsStack) {
  EXPECT_EQ(answer("async function main() { throw Object.assign(new TypeError('no'), {code: 7}); }"),
            R"({"error":{"code":7,"name":"TypeError","message":"no"}})");
  EXPECT_EQ(answer("function main() { return Promise.reject(); }"), R"({"error":{}})");
  EXPECT_EQ(answer("function main() { return Promise.reject({error: 'shape', n: 1}); }"),
            R"({"error":{"error":"shape","n":1}})");
  EXPECT_EQ(answer("const e = new Error('loop'); e.self = e; async function main() { throw e; }"),
            R"({"error":{"self":"[Circular]","name":"Error","message":"loop"}})");
}

TEST(Script, JudgesResultsAsOpenWhiskDoes) {
  EXPECT_EQ(answer("function main() {}"), "{}");
  EXPECT_EQ(answer("function main() { return [1]; }"), "[1]");
  EXPECT_EQ(answer("function main() { return {error: 'mine'}; }"), R"({"error":"mine"})");
  for (const char* result : {"'text'", "7", "null", "true", "() => 1"})
    EXPECT_EQ(fault(std::string("function main() { return ") + result + "; }"),
              "The action did not return a dictionary or array.")
        << result;
  EXPECT_EQ(fault("function main() { const a = {}; a.a = a; return a; }"),
            "The action did not produce a valid response: TypeError: circular reference");
}

TEST(Script, BytesGoInAndOut) {
  auto script = load("function main(b) { return Buffer.isBuffer(b) ? b.reverse() : {}; }");
  ASSERT_TRUE(script);
  const Reply reply = script->call({.is_json = false, .body = as_bytes("abc"), .parameters_json = "{}"});
  EXPECT_FALSE(reply.is_json);
  EXPECT_EQ(as_text(reply.body), "cba");
}

TEST(Script, AnUncaughtErrorEndsTheActionAsItEndsNode) {
  const std::string ended = "The action did not produce a valid response and exited unexpectedly.";
  EXPECT_EQ(fault("function main() { setTimeout(() => { throw new Error('late'); }, 1); return new "
                  "Promise(() => {}); }"),
            ended);
  EXPECT_EQ(fault("function main() { Promise.reject(new Error('nobody')); return new Promise(r => "
                  "setTimeout(r, 50)); }"),
            ended);
  EXPECT_EQ(fault("function main() { process.exit(3); }"), ended);
}

TEST(Script, AfterItEndedTheNextCallStartsFromTheCode) {
  auto script = load("let n = 0; function main(p) { if (p.exit) process.exit(1); return {n: ++n}; }");
  ASSERT_TRUE(script);
  EXPECT_EQ(as_text(call(*script).body), R"({"n":1})");
  EXPECT_EQ(as_text(call(*script).body), R"({"n":2})");
  EXPECT_EQ(call(*script, R"({"exit":true})").kind, Reply::Kind::kFault);
  EXPECT_EQ(as_text(call(*script).body), R"({"n":1})");
}

TEST(Script, ResetLeavesNothingOfACall) {
  auto script = load(
      "globalThis.seen = []; let n = 0; function main(p) { seen.push(p.secret); n++; return {n, seen}; }",
      "main", Isolation::kResettable);
  ASSERT_TRUE(script);
  EXPECT_EQ(as_text(call(*script, R"({"secret":"a"})").body), R"({"n":1,"seen":["a"]})");
  script->reset();
  EXPECT_EQ(as_text(call(*script, R"({"secret":"b"})").body), R"({"n":1,"seen":["b"]})");
}

TEST(Script, APromiseThatNothingCanSettleIsReported) {
  EXPECT_EQ(fault("function main() { return new Promise(() => {}); }"),
            "The action's promise never settles: nothing is left that could settle it.");
}

TEST(Script, FailuresToLoadSayWhyAndShowNoTrace) {
  EXPECT_EQ(load_failure("throw new Error('at the top')"),
            "Initialization has failed due to: Error: at the top");
  EXPECT_TRUE(
      load_failure("function main( {").starts_with("Initialization has failed due to: SyntaxError: "));
  EXPECT_TRUE(load_failure("require('./missing')")
                  .starts_with("Initialization has failed due to: Error: Cannot find module './missing'"));
  for (const auto& [module, why] : {std::pair{"http", "functions have no network"},
                                    {"child_process", "functions have no processes and no threads"},
                                    {"node:tty", "functions have no terminal"},
                                    {"vm", "the engine is not V8"},
                                    {"zlib", "not in this runtime"},
                                    {"dns/promises", "functions have no network"},
                                    {"stream/web", "not in this runtime"}})
    EXPECT_TRUE(
        load_failure(std::string("require('") + module + "')")
            .starts_with(std::string("Initialization has failed due to: Error: Cannot find module '") +
                         module + "' (" + why + ": see docs/javascript.md)\n"))
        << module;
}

TEST(Script, LimitsHoldWhileItLoads) {
  const auto fails = [](const std::string& code, std::uint64_t load_ms) {
    LoadedScript loaded =
        load_script({.code = as_bytes(code), .is_zip = false, .main = "", .environment = {}},
                    {.memory_mib = 64, .load_ms = load_ms});
    const auto* failure = std::get_if<InitFailure>(&loaded);
    return failure != nullptr ? failure->text : "loaded";
  };
  EXPECT_EQ(fails("for (;;);", 300),
            "The action exceeded its time limits of 300 milliseconds during initialization.");
  EXPECT_EQ(fails("const a = []; for (;;) a.push(new Uint8Array(1 << 20));", 60'000),
            "The action exhausted its memory and was aborted.");
}

TEST(Script, ASurplusBraceIsReportedWhereItIs) {
  EXPECT_EQ(load_failure("function main() {} }"),
            "Initialization has failed due to: SyntaxError: unexpected token in expression: '}'");
  EXPECT_EQ(load_failure("if (1) { }\n}\nfunction main() {}"),
            "Initialization has failed due to: SyntaxError: unexpected token in expression: '}'");
}

TEST(Script, ACheckFindsSyntaxErrorsWithTheirPlaceAndRunsNothing) {
  const auto check = [](const std::string& code) {
    return syntax_error({.code = as_bytes(code), .is_zip = false, .main = "", .environment = {}});
  };
  EXPECT_EQ(check("throw new Error('it ran');"), std::nullopt);
  EXPECT_EQ(check("require('./no_such_file'); return; function main() {}"), std::nullopt);
  EXPECT_EQ(check("import x, {y} from './no_such_file'; export function main() {} throw 1;"), std::nullopt);
  EXPECT_EQ(check("export const main = await (async () => { for (;;); })();"), std::nullopt);
  EXPECT_EQ(check("let a = 1;\nlet b = ;\nfunction main() {}"),
            "index.js:2:9: SyntaxError: unexpected token in expression: ';'");
  EXPECT_EQ(check("function main() {} }"), "index.js:1:20: SyntaxError: unexpected token in expression: '}'");
  EXPECT_EQ(check("import fs from 'fs';\nexport const a = ];"),
            "index.js:2:18: SyntaxError: unexpected token in expression: ']'");
  const auto broken =
      syntax_error({.code = as_bytes("PK\3\4"), .is_zip = true, .main = "", .environment = {}});
  EXPECT_TRUE(broken.has_value());
}

TEST(Script, TheEnvironmentIsOpenWhisksWhileItLoadsToo) {
  const std::string code =
      "const told = () => { const {__OW_ACTION_NAME: a, __OW_ACTIVATION_ID: i, __OW_DEADLINE: d} = "
      "process.env; "
      "return [a, i, d, Object.keys(process.env).length].join(); }; const loaded = told(); "
      "function main(p) { if (p.exit) process.exit(1); return {loaded, now: told()}; }";
  auto loaded = load_script({.code = as_bytes(code),
                             .main = "",
                             .environment = {{"__OW_ACTION_NAME", "/ns/a"}},
                             .activation_id = "00ff",
                             .deadline_unix_ms = 0},
                            {});
  auto& script = std::get<std::unique_ptr<Script>>(loaded);
  const std::uint64_t deadline = SystemClock().unix_ms() + 60'000;
  const auto told = [&](const char* activation, std::string_view body = "{}") {
    const Reply reply =
        script->call({.body = as_bytes(body), .activation_id = activation, .deadline_unix_ms = deadline});
    return std::string(as_text(reply.body));
  };
  const std::string until = "," + std::to_string(deadline) + ",3\"";
  EXPECT_EQ(told("00aa"), R"({"loaded":"/ns/a,00ff,0,3","now":"/ns/a,00aa)" + until + "}");
  EXPECT_EQ(told("00bb", R"({"exit":true})"), "");
  EXPECT_EQ(told("00cc"), R"({"loaded":"/ns/a,00cc)" + until + R"(,"now":"/ns/a,00cc)" + until + "}")
      << "loaded again, for this call";
}

TEST(Script, TwoInstancesDrawDifferentRandomNumbers) {
  // Each kind for itself: one that always differs would hide another that does not.
  for (const std::string draw :
       {"Math.random()", "crypto.randomUUID()", "crypto.getRandomValues(new Uint32Array(2)).join()",
        "require('crypto').randomBytes(8).toString('hex')"}) {
    const std::string code = "const draw = () => String(" + draw +
                             "), loaded = draw(); function main() { return [loaded, draw()]; }";
    const auto drawn = [](Script& script) {
      const boost::json::array pair = boost::json::parse(as_text(call(script).body)).as_array();
      return std::pair(std::string(pair.at(0).as_string()), std::string(pair.at(1).as_string()));
    };
    auto one = load(code, "main", Isolation::kResettable), two = load(code);
    ASSERT_TRUE(one && two) << draw;
    const auto first = drawn(*one), other = drawn(*two);
    EXPECT_NE(first.first, other.first) << draw << " while it loads, from the image's snapshot";
    EXPECT_NE(first.second, other.second) << draw;
    one->reset();
    const auto again = drawn(*one);
    EXPECT_EQ(first.first, again.first) << draw << ": a reset goes back to what was loaded";
    EXPECT_NE(first.second, again.second) << draw << ": a reset must not bring old random numbers back";
  }
}

TEST(Script, TheWebsAndNodesInterfacesAnswer) {
  EXPECT_EQ(answer(testing::kInterfaces), testing::kInterfacesAnswer);
}

}  // namespace
}  // namespace clemmys::runtime
