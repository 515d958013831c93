// js.mjs: JavaScript functions beside npm's workerd and @google-cloud/functions-framework, in turns within one run: warm over TLS,
// computing, cold, and their memory. All three run the same text, peers/work.js.
import { execFileSync } from "node:child_process";
import { api, bin, deployScript, image, load, median, medians, peerText, rate, requireTls13, residentMiB, say, sleep, startFunctionsFramework,
  startPlatform, startWorkerd, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 10);
const coldStarts = Number(process.env.BENCH_COLD_STARTS ?? 10);
const warmInstances = 8;
const work = peerText("work.js");
const script = `${work}\nfunction main(p) { return work[p.what](p); }`;
const worker = `${work}\nexport default { async fetch(request) { const p = await request.json(); return Response.json(work[p.what](p)); } };`;
const bodies = { hello: '{"what":"hello","name":"World"}', json: '{"what":"json"}', sha256: '{"what":"sha256"}' };

// firstAnswers are the times in ms from a request to the answer of functions that were just deployed. With instances waiting, each
// request finds one; the invoker's own account says so.
async function firstAnswers(prewarm) {
  const platform = await startPlatform(["--prewarmed-js", String(prewarm)]);
  const times = [], prepared = [];
  try {
    for (let i = 0; i < coldStarts + 1; ++i) { // the first one is not counted
      await deployScript(platform, `cold${i}`, script);
      if (prewarm > 0) await sleep(1500);
      const begin = performance.now();
      await api(platform, "POST", `actions/cold${i}?blocking=true&result=true`, JSON.parse(bodies.hello));
      times.push(performance.now() - begin);
      const response = await fetch(`https://127.0.0.1:${platform.port}/clemmys/v1/status`, { headers: { authorization: platform.authorization } });
      prepared.push((await response.json()).controller.latest_cold_starts.at(-1).total_ms === 0);
    }
    if (prepared.slice(1).some((was) => was !== prewarm > 0)) throw new Error(`instances were ${prewarm > 0 ? "not " : ""}waiting: ${prepared}`);
    return times.slice(1);
  } finally {
    await platform.end();
  }
}

async function peersFirstAnswer(start) {
  const times = [];
  for (let i = 0; i < Math.max(3, Math.floor(coldStarts / 2)); ++i) {
    const server = await start();
    const begin = performance.now();
    await fetch(`https://127.0.0.1:${server.port}/`, { method: "POST", body: bodies.hello, headers: { "content-type": "application/json" } });
    times.push(server.ready_ms + performance.now() - begin);
    await server.end();
  }
  return median(times);
}

// memoryPerInstance: the growth of the whole platform, by functions that were called once.
async function memoryPerInstance(platform) {
  const before = residentMiB(platform.child.pid);
  for (let i = 0; i < warmInstances; ++i) {
    await deployScript(platform, `warm${i}`, script);
    await api(platform, "POST", `actions/warm${i}?blocking=true&result=true`, JSON.parse(bodies.hello));
  }
  await sleep(1000);
  return (residentMiB(platform.child.pid) - before) / warmInstances;
}

// sampleOfShort takes rates from wrk, as the other benchmarks do; sampleOfLong is for calls that may take longer than wrk waits.
async function sampleOfShort(server, request) {
  const latency = await load(server, { ...request, seconds: Math.max(2, seconds / 2), "warmup-seconds": 1 });
  const speed = await rate(server, { ...request, seconds });
  return { ...latency, rate: speed.rate, cpu_us_per_request: speed.cpu_us_per_request, errors: speed.errors + latency.errors };
}
async function sampleOfLong(server, request) {
  const sample = await load(server, { ...request, seconds: Math.max(8, seconds), "warmup-seconds": 1 });
  return { ...sample, rate: sample.requests / Math.max(8, seconds) };
}

export async function run() {
  const rows = [], raw = [], ratios = {};
  const clemmys = await startPlatform();
  const workerd = await startWorkerd(worker);
  const framework = await startFunctionsFramework();
  const servers = { clemmys, workerd, "functions-framework": framework };
  try {
    for (const server of Object.values(servers)) await requireTls13(server);
    await deployScript(clemmys, "work", script);
    const target = (name) => (name === "clemmys" ? "/api/v1/namespaces/_/actions/work?blocking=true&result=true" : "/");
    const cases = [["hello", 1], ["hello", 16], ["hello", 64], ["json", 1], ["sha256", 1]];
    for (const [what, connections] of cases) {
      const samples = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
      for (let round = 0; round < rounds; ++round) {
        for (const [name, server] of Object.entries(servers)) {
          say(`js: ${what}, ${name}, ${connections} connections, round ${round + 1} of ${rounds}`);
          const request = { path: target(name), body: bodies[what], connections };
          const sample = what === "hello" ? await sampleOfShort(server, request) : await sampleOfLong(server, request);
          samples[name].push(sample);
          raw.push({ what, name, connections, round, ...sample });
        }
      }
      for (const [name, list] of Object.entries(samples)) {
        const m = medians(list);
        rows.push({ what: `${what}, ${connections} connections`, platform: name, "requests/s": m.rate.toFixed(m.rate < 10 ? 2 : 0), "p50 µs": m.p50_us, "p99 µs": m.p99_us,
          "CPU µs/request": m.cpu_us_per_request.toFixed(1), errors: list.reduce((sum, sample) => sum + sample.errors, 0) });
      }
      for (const peer of ["workerd", "functions-framework"])
        ratios[`${what}_${connections}_${peer}`] = median(samples.clemmys.map((sample, i) => sample.rate / samples[peer][i].rate));
    }
    const perInstance = await memoryPerInstance(clemmys);
    rows.push({ what: "memory per warm instance, MiB", platform: "clemmys", "requests/s": perInstance.toFixed(1) });
    for (const [name, server] of Object.entries(servers))
      rows.push({ what: "memory of all its processes, MiB", platform: name, "requests/s": residentMiB(server.child.pid).toFixed(0) });
    raw.push({ what: "memory per warm instance, MiB", value: perInstance });
  } finally {
    for (const server of Object.values(servers)) await server.end();
  }
  const cold = { "from a prewarmed instance": median(await firstAnswers(1)), "from nothing": median(await firstAnswers(0)) };
  for (const [what, ms] of Object.entries(cold)) rows.push({ what: `first answer ${what}, ms`, platform: "clemmys", "requests/s": ms.toFixed(2) });
  rows.push({ what: "first answer from nothing, ms", platform: "workerd", "requests/s": (await peersFirstAnswer(() => startWorkerd(worker))).toFixed(1) });
  rows.push({ what: "first answer from nothing, ms", platform: "functions-framework", "requests/s": (await peersFirstAnswer(startFunctionsFramework)).toFixed(1) });
  const { measured_bytes } = JSON.parse(execFileSync(bin("clemmys"), ["enclave", "show", image("js"), "--json"], { encoding: "utf8" }));
  rows.push({ what: "measured bytes of the image, MiB", platform: "clemmys", "requests/s": (measured_bytes / 2 ** 20).toFixed(2) });
  raw.push({ cold, measured_bytes });
  const groups = [1, 16, 64].map((connections) => ({ label: `hello, ${connections}`,
    bars: rows.filter((row) => row.what === `hello, ${connections} connections`).map((row) => ({ name: row.platform, value: Number(row["requests/s"]) })) }));
  writeResult("js", { plot: { unit: "requests/s", groups }, title: "JavaScript functions", rows, ratios, raw,
    errors: raw.reduce((sum, row) => sum + (row.errors ?? 0), 0),
    columns: ["what", "platform", "requests/s", "p50 µs", "p99 µs", "CPU µs/request", "errors"],
    notes: ["The same text (bench/peers/work.js) on each; hello: rates from wrk, latencies from bench-load (closed loop); json and sha256: both from bench-load; TLS 1.3, keep-alive, P-256.",
      "Rows of memory, first answers and bytes hold their value in the column requests/s.",
      "functions-framework is behind node's own TLS in its own process, without a proxy: faster than behind nginx.",
      "First answers: ours over a warm connection to a function that was just deployed; the peers' from the start of their process, which is probed every 2 ms, and over a new connection.",
      "workerd and functions-framework compile JavaScript to machine code as it runs; ours interprets it, inside an enclave: the interpreter decides json and sha256.",
      "Of a hello on us, gateway and node take most of the processor time, the function's process about a fifth.",
      "On a machine that does other work, too, rates flatter whoever needs more processor time: compare CPU µs/request. Wanted: hello at 0.6 × workerd, 2 × functions-framework."] });
}
