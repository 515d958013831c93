// lib.mjs: what the benchmarks share: starting the platform and its peer, CPU accounting over process trees, load, medians,
// and writing results. Roles of the cores: every server process runs on CPU 0, the load generator on CPU 1.
import { execFileSync, spawn } from "node:child_process";
import { cpus, release, tmpdir } from "node:os";
import fs from "node:fs";
import net from "node:net";
import tls from "node:tls";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bars } from "./plot.mjs";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const build = process.env.CLEMMYS_BUILD ?? path.join(root, "build", "release");
export const bin = (name) => path.join(build, "bin", name);
export const image = (name) => path.join(build, "images", `${name}.sgx`);
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const say = (text) => process.stderr.write(`bench: ${text}\n`);

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export function temporaryDirectory() {
  return fs.mkdtempSync(path.join(tmpdir(), "clemmys-bench-"));
}

// tree lists a process and all its descendants.
export function tree(pid) {
  const children = new Map();
  for (const entry of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (!children.has(parent)) children.set(parent, []);
      children.get(parent).push(Number(entry));
    } catch { /* it ended meanwhile */ }
  }
  const all = [pid];
  for (let i = 0; i < all.length; ++i) all.push(...(children.get(all[i]) ?? []));
  return all;
}

// cpuMicroseconds is user + system time of a process tree, from schedstat where it is (nanoseconds), summed over threads.
export function cpuMicroseconds(pid) {
  let total = 0;
  for (const member of tree(pid)) {
    try {
      for (const task of fs.readdirSync(`/proc/${member}/task`)) {
        total += Number(fs.readFileSync(`/proc/${member}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1000;
      }
    } catch { /* it ended meanwhile */ }
  }
  return total;
}

export function residentMiB(pid) {
  let total = 0;
  for (const member of tree(pid)) {
    try {
      const match = /^Pss:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${member}/smaps_rollup`, "utf8"));
      if (match) total += Number(match[1]) / 1024;
    } catch { /* it ended meanwhile */ }
  }
  return total;
}

export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([ended, sleep(10_000).then(() => child.kill("SIGKILL"))]);
  await ended;
}

async function until(what, seconds, probe, everyMs = 50) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} was not ready after ${seconds} s`);
    await sleep(everyMs);
  }
}

const connects = (port) => new Promise((resolve) => {
  const socket = net.connect(port, "127.0.0.1");
  socket.once("connect", () => { socket.destroy(); resolve(true); });
  socket.once("error", () => resolve(false));
});

// startPlatform runs `clemmys up` on CPU 0 (or others) with a fresh state and returns how to reach it. Another program than ours finds its
// own neighbours beside it.
export async function startPlatform(extra = [], program = bin("clemmys"), servers = "0") {
  const state = temporaryDirectory();
  const log = fs.openSync(path.join(state, "up.log"), "w");
  const child = spawn("taskset", ["-c", servers, program, "up", "--state", path.join(state, "state"), "--listen", "127.0.0.1:0", ...extra],
    { stdio: ["ignore", log, log], env: { ...process.env, HOME: state } });
  const urlFile = path.join(state, "state", "url"); // written last
  const failed = new Promise((_, reject) => child.once("exit", (code) =>
    reject(new Error(`clemmys up ended with ${code}:\n${fs.readFileSync(path.join(state, "up.log"), "utf8").slice(-3000)}`))));
  failed.catch(() => {});
  await Promise.race([failed, until("the platform", 60, async () => fs.existsSync(urlFile) && fs.readFileSync(urlFile, "utf8").endsWith("\n"))]);
  const port = Number(new URL(fs.readFileSync(urlFile, "utf8").trim()).port);
  const key = fs.readFileSync(path.join(state, "state", "development-key"), "utf8").trim();
  const authorization = `Basic ${Buffer.from(key).toString("base64")}`;
  return {
    child, port, key, authorization, state,
    async end() {
      await stop(child);
      fs.rmSync(state, { recursive: true, force: true });
    },
  };
}

// requireTls13 stops a comparison in which a side speaks another version.
export function requireTls13(server) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port: server.port, host: "127.0.0.1", servername: "localhost", rejectUnauthorized: false }, () => {
      const version = socket.getProtocol();
      socket.destroy();
      if (version === "TLSv1.3") resolve();
      else reject(new Error(`port ${server.port} speaks ${version}, not TLSv1.3`));
    });
    socket.once("error", reject);
  });
}

// api calls the OpenWhisk API of a running platform; it throws on any status it was not told to expect.
export async function api(platform, method, target, body, expected = [200]) {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // a benchmark on loopback; `clemmys trust add` is how users verify
  process.removeAllListeners("warning");
  const response = await fetch(`https://127.0.0.1:${platform.port}/api/v1/namespaces/_/${target}`, {
    method, headers: { authorization: platform.authorization, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!expected.includes(response.status)) throw new Error(`${method} ${target}: ${response.status} ${text.slice(0, 500)}`);
  return text === "" ? {} : JSON.parse(text);
}

export const deploy = (platform, name, file, more = {}) => api(platform, "PUT", `actions/${name}?overwrite=true`,
  { exec: { kind: "native:1", code: fs.readFileSync(file).toString("base64"), binary: true }, ...more });
export const deployScript = (platform, name, code, more = {}) => api(platform, "PUT", `actions/${name}?overwrite=true`,
  { exec: { kind: "nodejs:20", code }, ...more });
export const sequence = (platform, name, components) => api(platform, "PUT", `actions/${name}?overwrite=true`,
  { exec: { kind: "sequence", components: components.map((component) => `/_/${component}`) } });

const peer = (name) => path.join(root, "bench", "peers", name);
export const peerText = (name) => fs.readFileSync(peer(name), "utf8");

// makeCertificate writes key.pem and cert.pem: P-256, as the platform's own.
function makeCertificate(directory) {
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-keyout", path.join(directory, "key.pem"), "-out", path.join(directory, "cert.pem"), "-subj", "/CN=localhost"], { stdio: "ignore" });
}

// startFunctionsFramework runs npm's @google-cloud/functions-framework on CPU 0, behind node's own TLS.
export async function startFunctionsFramework() {
  const directory = temporaryDirectory();
  const port = await freePort();
  makeCertificate(directory);
  const begin = performance.now();
  const child = spawn("taskset", ["-c", "0", process.execPath, peer("functions_framework.cjs"), String(port), path.join(directory, "key.pem"),
    path.join(directory, "cert.pem"), peer("work.js")], { stdio: "ignore" });
  await until("functions-framework", 20, () => connects(port), 2);
  return {
    child, port, authorization: "", ready_ms: performance.now() - begin,
    async end() {
      await stop(child);
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

// startWorkerd runs npm's workerd on CPU 0 with the same certificate type and the same function.
export async function startWorkerd(code = peerText("hello.js")) {
  const directory = temporaryDirectory();
  const port = await freePort();
  const binary = path.join(root, "bench", "peers", "node_modules", ".bin", "workerd");
  makeCertificate(directory);
  const pem = (file) => JSON.stringify(fs.readFileSync(path.join(directory, file), "utf8"));
  fs.writeFileSync(path.join(directory, "hello.js"), code);
  fs.writeFileSync(path.join(directory, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .hello)],
  sockets = [(name = "https", address = "127.0.0.1:${port}", service = "main",
    https = (options = (), tlsOptions = (keypair = (privateKey = ${pem("key.pem")}, certificateChain = ${pem("cert.pem")}), minVersion = goodDefault)))]
);
const hello :Workerd.Worker = (modules = [(name = "hello.js", esModule = embed "hello.js")], compatibilityDate = "2026-01-01");
`);
  const begin = performance.now();
  const child = spawn("taskset", ["-c", "0", binary, "serve", path.join(directory, "config.capnp")], { stdio: "ignore" });
  await until("workerd", 20, () => connects(port), 2);
  return {
    child, port, authorization: "", ready_ms: performance.now() - begin,
    async end() {
      await stop(child);
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

// load runs the generator on CPU 1 and adds the CPU time that the server's processes used per request.
export async function load(server, options) {
  const args = ["-c", "1", bin("bench-load"), "--port", String(server.port)];
  if (server.authorization) args.push("--authorization", server.authorization);
  for (const [name, value] of Object.entries(options)) args.push(`--${name}`, String(value));
  const before = cpuMicroseconds(server.child.pid);
  const output = await new Promise((resolve, reject) => {
    const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => { text += chunk; });
    child.once("error", reject);
    child.once("exit", () => resolve(text));
  });
  const used = cpuMicroseconds(server.child.pid) - before;
  const row = JSON.parse(output);
  const all = row.requests * ((Number(options.seconds) + Number(options["warmup-seconds"])) / Number(options.seconds));
  return { ...row, cpu_us_per_request: all > 0 ? used / all : 0 };
}

// rate runs wrk on CPU 1: it needs less CPU per request than the latency generator, so it is what rates are taken from.
export function rate(server, { path: target, body, connections, seconds }) {
  const directory = temporaryDirectory();
  const script = path.join(directory, "post.lua");
  fs.writeFileSync(script, `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
wrk.headers["Content-Type"] = "application/json"
${server.authorization ? `wrk.headers["Authorization"] = "${server.authorization}"` : ""}
function done(summary)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
`);
  return new Promise((resolve, reject) => {
    const before = cpuMicroseconds(server.child.pid);
    const child = spawn("taskset", ["-c", "1", "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script,
      `https://127.0.0.1:${server.port}${target}`], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => { text += chunk; });
    child.once("exit", () => {
      fs.rmSync(directory, { recursive: true, force: true });
      const match = /RESULT (\d+) (\d+) (\d+)/.exec(text);
      if (!match) return reject(new Error(`wrk printed no result:\n${text}`));
      const [requests, microseconds, errors] = match.slice(1).map(Number);
      resolve({ requests, rate: requests / (microseconds / 1e6), errors, cpu_us_per_request: (cpuMicroseconds(server.child.pid) - before) / requests });
    });
  });
}

// openLoop offers load at a fixed rate, from CPU 1.
export async function openLoop(server, options) {
  const args = ["-c", "1", bin("bench-open-loop"), "--port", String(server.port), "--authorization", server.authorization];
  for (const [name, value] of Object.entries(options)) args.push(`--${name}`, String(value));
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => { text += chunk; });
  await new Promise((resolve, reject) => { child.once("error", reject); child.once("close", resolve); });
  return JSON.parse(text);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const medians = (rows) => Object.fromEntries(Object.keys(rows[0]).filter((key) => typeof rows[0][key] === "number")
  .map((key) => [key, median(rows.map((row) => row[key]))]));

function machine() {
  const run = (command, args) => { try { return execFileSync(command, args, { cwd: root, encoding: "utf8" }).trim(); } catch { return "unknown"; } };
  const dirty = run("git", ["status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results"]) === "" ? "" : " (with local changes)";
  return { commit: run("git", ["rev-parse", "--short", "HEAD"]) + dirty, kernel: release(), cpu: cpus()[0].model, cores: cpus().length,
    date: new Date().toISOString(), platform: "soft (software SGX; SGX hardware was not measured)" };
}

// writeResult keeps one benchmark's rows as JSON, as a table, and as bars (`plot`: {unit, groups}; `plots`: several, each with a file and
// a title of its own).
export function writeResult(name, { title, columns, rows, ratios = {}, raw, plot, plots = plot ? [{ file: name, title, ...plot }] : [], errors = 0, notes = [],
  placement = "Server processes on CPU 0, load on CPU 1." }) {
  const directory = path.join(root, "bench", "results");
  fs.mkdirSync(directory, { recursive: true });
  const facts = machine();
  fs.writeFileSync(path.join(directory, `${name}.json`), `${JSON.stringify({ name, machine: facts, ratios, rows, raw }, null, 1)}\n`);
  const table = [`| ${columns.join(" | ")} |`, `|${columns.map(() => "---").join("|")}|`, ...rows.map((row) => `| ${columns.map((column) => row[column] ?? "").join(" | ")} |`)].join("\n");
  const text = `# ${title}\n\nCommit ${facts.commit}, kernel ${facts.kernel}, ${facts.cpu}, ${facts.cores} cores, platform ${facts.platform}, ${facts.date}.\n` +
    `${placement} Medians.\n\n${table}\n\n` + plots.map((one) => `![${one.title}](${one.file}.svg)\n\n`).join("") +
    (Object.keys(ratios).length ? `Ratios (ours ÷ peer): ${Object.entries(ratios).map(([key, value]) => `${key} ${value.toFixed(2)}`).join(", ")}.\n\n` : "") +
    notes.map((note) => `- ${note}\n`).join("");
  fs.writeFileSync(path.join(directory, `${name}.md`), text);
  for (const one of plots) fs.writeFileSync(path.join(directory, `${one.file}.svg`), bars(one.title, one.unit, one.groups));
  process.stdout.write(`\n${text}\n`);
  if (errors > 0) throw new Error(`${name}: ${errors} requests failed: this is no measurement`);
}
