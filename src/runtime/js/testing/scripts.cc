#include "runtime/js/testing/scripts.h"

#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "crypto/crypto.h"

namespace clemmys::runtime::testing {

std::unique_ptr<Script> load(std::string_view code, std::string main, Isolation isolation,
                             ScriptLimits limits) {
  CHECK(crypto::initialize().has_value());
  LoadedScript loaded = load_script({.code = as_bytes(code),
                                     .is_zip = code.starts_with("PK\3\4"),
                                     .main = std::move(main),
                                     .environment = {}},
                                    limits, isolation);
  if (const auto* failure = std::get_if<InitFailure>(&loaded)) {
    fprintf(stderr, "not loaded: %s\n", failure->text.c_str());
    return nullptr;
  }
  return std::move(std::get<std::unique_ptr<Script>>(loaded));
}

std::string load_failure(std::string_view code, std::string main) {
  CHECK(crypto::initialize().has_value());
  LoadedScript loaded = load_script({.code = as_bytes(code),
                                     .is_zip = code.starts_with("PK\3\4"),
                                     .main = std::move(main),
                                     .environment = {}},
                                    {});
  const auto* failure = std::get_if<InitFailure>(&loaded);
  return failure != nullptr ? failure->text : "loaded";
}

Reply call(Script& script, std::string_view json, std::uint64_t milliseconds) {
  return script.call({.is_json = true,
                      .body = as_bytes(json),
                      .parameters_json = "{}",
                      .activation_id = std::string(32, '0'),
                      .action_name = {},
                      .action_version = {},
                      .namespace_name = {},
                      .deadline_unix_ms = SystemClock().unix_ms() + milliseconds,
                      .timeout_ms = milliseconds});
}

namespace {
std::string outcome(std::string_view code, std::string_view json, Reply::Kind wanted) {
  const auto script = load(code);
  if (!script) return "not loaded";
  const Reply reply = call(*script, json);
  const std::string shown =
      reply.kind == Reply::Kind::kAnswer ? std::string(as_text(reply.body)) : reply.text;
  return reply.kind == wanted ? shown : "another outcome: " + shown;
}
}  // namespace

std::string answer(std::string_view code, std::string_view json) {
  return outcome(code, json, Reply::Kind::kAnswer);
}
std::string fault(std::string_view code, std::string_view json) {
  return outcome(code, json, Reply::Kind::kFault);
}

const std::string_view kInterfaces = R"js(
const { createHash, createHmac } = require('crypto');
async function main() {
  const hex = (bytes) => Buffer.from(bytes).toString('hex');
  const { Readable } = require('stream');
  let stream = '';
  for await (const piece of Readable.from(['a', 'b'])) stream += piece;
  const url = new URL('https://user@example.org:8080/a/../b?x=1#h');
  const event = await new Promise((done) => new (require('events'))().once('e', done).emit('e', 7));
  return {
    url: [url.pathname, url.port, url.searchParams.get('x'), new URLSearchParams({ q: 'a b' }).toString()],
    text: [new TextDecoder().decode(new TextEncoder().encode('hé€')), new TextDecoder().decode(new Uint8Array([255, 65])), btoa('abc'), atob('YWJj')],
    buffer: [Buffer.from('aGk=', 'base64').toString(), Buffer.concat([Buffer.from([1]), Buffer.alloc(1)]).toString('hex')],
    digest: [hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'))).slice(0, 8), createHash('md5').update('abc').digest('hex').slice(0, 8),
      createHash('sha256').update('a').update('bc').digest('hex').slice(0, 8), createHmac('sha256', 'key').update('x').digest('base64').slice(0, 8)],
    clone: structuredClone({ map: new Map([[1, { two: 2 }]]) }).map.get(1), uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()),
    util: require('util').inspect({ a: [1, new Set(['x'])] }), path: require('node:path').resolve('/a', '../b'), query: require('querystring').stringify({ a: [1, 2] }),
    stream, event, aborted: new AbortController().signal.aborted, order: await order(),
  };
}
const order = () => new Promise((done) => {
  const seen = [];
  setTimeout(() => { seen.push('timeout'); done(seen.join()); }, 2);
  setImmediate(() => seen.push('immediate'));
  process.nextTick(() => seen.push('tick'));
  queueMicrotask(() => seen.push('microtask'));
});
)js";
const std::string_view kInterfacesAnswer =
    R"({"url":["/b","8080","1","q=a+b"],"text":["hé€","�A","YWJj","abc"],"buffer":["hi","0100"],"digest":["ba7816bf","90015098","ba7816bf","T8O36vNN"],)"
    R"("clone":{"two":2},"uuid":true,"util":"{ a: [ 1, Set(1) { 'x' } ] }","path":"/b","query":"a=1&a=2","stream":"ab","event":7,"aborted":false,)"
    R"("order":"tick,microtask,immediate,timeout"})";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::pair<std::string, std::string>> outcomes(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::pair<std::string, std::string>> all;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    all.emplace_back(line.substr(0, tab), line.substr(tab + 1));
  }
  return all;
}

}  // namespace clemmys::runtime::testing
