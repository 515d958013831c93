// The unmodified npm client `openwhisk` against a running platform: OPENWHISK_URL, OPENWHISK_KEY, NODE_EXTRA_CA_CERTS say which.
// The action `native_trace` is a native function: {trace: [...], value} in, its label added to the trace out.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";

const openwhisk = createRequire(path.join(process.env.CLIENT_PACKAGES, "package.json"))("openwhisk");
const ow = openwhisk({ apihost: process.env.OPENWHISK_URL, api_key: process.env.OPENWHISK_KEY });
const call = (name, params = {}) => ow.actions.invoke({ name, params, blocking: true, result: true });
const record = (name, params = {}) => ow.actions.invoke({ name, params, blocking: true });
const deploy = (name, action, more = {}) => ow.actions.update({ name, action, ...more });

// refused gives the error of a call that must fail.
async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "it was accepted" });
}

// finished waits for an activation's record.
async function finished(id) {
  for (let i = 0; i < 300; ++i) {
    const found = await ow.activations.get(id).catch((error) => { if (error.statusCode !== 404) throw error; });
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no record of ${id}`);
}

// zip makes an archive of {name: text}.
function zip(files) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "clemmys-zip-"));
  after(() => fs.rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  execFileSync("python3", ["-m", "zipfile", "-c", "code.zip", ...new Set(Object.keys(files).map((name) => name.split("/")[0]))], { cwd: folder });
  return fs.readFileSync(path.join(folder, "code.zip"));
}

test("create, get, update, list and delete", async () => {
  const code = "function main(params) { return { greeting: 'Hello, ' + params.name + '!' }; } // ü";
  const created = await ow.actions.create({ name: "hello", action: code });
  assert.equal(created.version, "0.0.1");
  assert.equal(created.exec.kind, "nodejs:20");
  assert.equal((await refused(ow.actions.create({ name: "hello", action: code }))).statusCode, 409);
  assert.deepEqual(await call("hello", { name: "Ada" }), { greeting: "Hello, Ada!" });
  const got = await ow.actions.get("hello");
  assert.equal(got.exec.code, code);
  assert.equal(got.exec.binary, false);

  const updated = await ow.actions.update({ name: "hello", params: { name: "everyone" } }); // no code: it stays
  assert.equal(updated.version, "0.0.2");
  assert.deepEqual(await call("hello"), { greeting: "Hello, everyone!" });
  assert.deepEqual(await call("hello", { name: "Bob" }), { greeting: "Hello, Bob!" });
  await deploy("hello", "const main = (params) => ({ bye: params.name })", { kind: "nodejs:18" });
  assert.deepEqual(await call("hello"), { bye: "everyone" });
  assert.equal((await ow.actions.get("hello")).exec.kind, "nodejs:18");
  assert.ok((await ow.actions.list()).some((action) => action.name === "hello"));

  await ow.actions.delete("hello");
  assert.equal((await refused(ow.actions.get("hello"))).statusCode, 404);
  assert.equal((await refused(call("hello"))).statusCode, 404);
});

test("asynchronous functions, records, logs and results", async () => {
  await deploy("slow", `async function main(params) {
    console.log("first", { n: params.n });
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.error("second");
    return { n: params.n + 1 };
  }`);
  const { activationId } = await ow.actions.invoke({ name: "slow", params: { n: 1 } });
  const done = await finished(activationId);
  assert.equal(done.name, "slow");
  assert.equal(done.response.status, "success");
  assert.deepEqual(done.response.result, { n: 2 });
  assert.ok(done.duration >= 15, `${done.duration} ms`);
  const { logs } = await ow.activations.logs({ name: activationId });
  assert.equal(logs.length, 2);
  assert.match(logs[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z\s+stdout: first \{ n: 1 \}$/);
  assert.match(logs[1], /^\S+\s+stderr: second$/);
  assert.deepEqual((await ow.activations.result({ name: activationId })).result, { n: 2 });
  assert.ok((await ow.activations.list({ name: "slow" })).some((entry) => entry.activationId === activationId));
});

test("what a function is told of itself", async () => {
  await deploy("environment", `function main() {
    const names = ["__OW_NAMESPACE", "__OW_ACTION_NAME", "__OW_ACTION_VERSION", "__OW_ACTIVATION_ID", "__OW_DEADLINE"];
    return Object.fromEntries(names.map((name) => [name, process.env[name]]));
  }`);
  const { activationId, response } = await record("environment");
  const told = response.result;
  assert.equal(told.__OW_NAMESPACE, "guest");
  assert.equal(told.__OW_ACTION_NAME, "/guest/environment");
  assert.equal(told.__OW_ACTION_VERSION, "0.0.1");
  assert.equal(told.__OW_ACTIVATION_ID, activationId);
  assert.ok(Number(told.__OW_DEADLINE) > Date.now(), told.__OW_DEADLINE);
});

test("archives with several files, and another main", async () => {
  const archive = zip({
    "package.json": JSON.stringify({ name: "area", main: "lib/index.js" }),
    "lib/index.js": "const { area } = require('./area'); exports.main = (p) => ({ area: area(p.a, p.b) }); exports.other = () => ({ other: true });",
    "lib/area.js": "exports.area = (a, b) => a * b;",
  });
  await deploy("area", archive);
  assert.deepEqual(await call("area", { a: 6, b: 7 }), { area: 42 });
  const got = await ow.actions.get("area");
  assert.equal(got.exec.binary, true);
  assert.deepEqual(Buffer.from(got.exec.code, "base64"), archive);
  await deploy("area", archive, { exec: { main: "other" } });
  assert.deepEqual(await call("area"), { other: true });
});

test("sequences of scripts and native functions", async () => {
  await deploy("before", "function main(p) { return { value: p.value + 1 }; }");
  await deploy("behind", "function main(p) { return { trace: p.trace.concat('script'), value: p.value }; }");
  await ow.actions.update({ name: "mixed", sequence: ["/_/before", "/_/native_trace", "/_/behind"] });
  const { response, logs, activationId } = await record("mixed", { value: 4 });
  assert.deepEqual(response.result, { trace: ["native:5", "script"], value: 5 });
  assert.equal((await finished(activationId)).logs.length, 3); // the ids of its components
  assert.ok(logs);
  await deploy("before", "function main() { return { error: 'stopped' }; }");
  const error = await refused(call("mixed", { value: 4 }));
  assert.equal(error.statusCode, 502);
  assert.equal(error.error.response.result.error, "stopped");
});

const failing = [
  // name, code, response.status, what the client is told
  ["returns an error", "function main() { return { error: { reason: 7 } }; }", "application error", { reason: 7 }],
  ["rejects", "function main() { return Promise.reject({ why: 'no' }); }", "application error", { why: "no" }],
  ["throws", "function main() { null.x; }", "action developer error", /^An error has occurred: TypeError/],
  ["returns a number", "function main() { return 7; }", "action developer error", /did not return a dictionary or array/],
  ["has no main", "function start() {}", "action developer error", /^Initialization has failed due to: /],
  ["does not parse", "function main( { return {}", "action developer error", /^Initialization has failed due to: .*SyntaxError/],
  ["does not end", "function main() { for (;;); }", "action developer error", /exceeded its time limits of 500 milliseconds/, { timeout: 500 }],
];
for (const [name, code, status, told, limits] of failing) {
  test(`a function that ${name}`, async () => {
    const action = name.replaceAll(" ", "_");
    await deploy(action, code, limits ? { limits } : {});
    const error = await refused(record(action));
    assert.equal(error.statusCode, 502);
    const { response } = error.error;
    assert.equal(response.success, false);
    assert.equal(response.status, status, JSON.stringify(response));
    if (told instanceof RegExp) assert.match(response.result.error, told);
    else assert.deepEqual(response.result.error, told);
    assert.equal((await refused(record(action))).error.response.status, status); // and again
  });
}

test("state between calls, and isolate: true", async () => {
  const code = "let calls = 0; function main() { return { calls: ++calls }; }";
  await deploy("counting", code);
  await deploy("isolated", code, { annotations: { isolate: true } });
  const counted = [], isolated = [];
  for (let i = 0; i < 4; ++i) {
    counted.push((await call("counting")).calls);
    isolated.push((await call("isolated")).calls);
  }
  assert.ok(Math.max(...counted) > 1, `${counted}`);
  assert.deepEqual(isolated, [1, 1, 1, 1]);
});

test("refusals", async () => {
  const stranger = openwhisk({ apihost: process.env.OPENWHISK_URL, api_key: `${process.env.OPENWHISK_KEY.split(":")[0]}:wrong` });
  assert.equal((await refused(stranger.actions.list())).statusCode, 401);
  const unknown = await refused(deploy("unknown", "x", { kind: "cobol:1" }));
  assert.equal(unknown.statusCode, 400);
  assert.match(unknown.message, /kind 'cobol:1' not in Set\(/);
  assert.equal((await refused(ow.actions.create({ name: "empty", action: "" }))).statusCode, 400);
});
