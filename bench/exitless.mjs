// exitless.mjs: a warm hello function with and without exitless calls of the gateway, in turns: all server processes on one core, and on
// both. What was measured and what is modelled (cycles of exits on SGX hardware) stand in columns of their own.
import fs from "node:fs";
import path from "node:path";
import { deploy, image, load, median, medians, rate, say, startPlatform, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 10);
const target = "/api/v1/namespaces/_/actions/hello?blocking=true&result=true";
const body = '{"name":"World"}';
const connections = 16;
// Words of src/enclave/host/counts.h, and its modelled cycles of leaving and coming back.
const words = { exits: 2, exitless: 6, withdrawn: 7 };
const cycles = [8_200, 17_000];

function counts(platform) {
  const file = fs.readFileSync(path.join(platform.state, "state", "run", "gateway.counts"));
  return Object.fromEntries(Object.entries(words).map(([name, word]) => [name, Number(file.readBigUInt64LE(8 * word))]));
}

async function sample(platform) {
  const before = counts(platform);
  const speed = await rate(platform, { path: target, body, connections, seconds });
  const after = counts(platform);
  const latency = await load(platform, { path: target, body, connections, seconds: Math.max(2, seconds / 2), "warmup-seconds": 1 });
  const per = (name) => (after[name] - before[name]) / speed.requests;
  return { rate: speed.rate, cpu_us_per_request: speed.cpu_us_per_request, p50_us: latency.p50_us, p99_us: latency.p99_us,
    exits: per("exits"), exitless: per("exitless"), withdrawn: per("withdrawn"), errors: speed.errors + latency.errors };
}

export async function run() {
  const rows = [], raw = [], ratios = {};
  for (const cpus of ["0", "0,1"]) {
    const placement = cpus === "0" ? "servers on CPU 0" : "servers on CPUs 0 and 1";
    const platforms = { "each call exits": await startPlatform([], undefined, cpus), exitless: await startPlatform(["--exitless"], undefined, cpus) };
    const samples = Object.fromEntries(Object.keys(platforms).map((name) => [name, []]));
    try {
      for (const platform of Object.values(platforms)) {
        await deploy(platform, "hello", image("example_hello"));
        await load(platform, { path: target, body, connections, seconds: 1, "warmup-seconds": 1 });
      }
      for (let round = 0; round < rounds; ++round) {
        for (const [name, platform] of Object.entries(platforms)) {
          say(`exitless: ${placement}, ${name}, round ${round + 1} of ${rounds}`);
          const one = await sample(platform);
          samples[name].push(one);
          raw.push({ placement, name, round, ...one });
        }
      }
    } finally {
      for (const platform of Object.values(platforms)) await platform.end();
    }
    for (const [name, list] of Object.entries(samples)) {
      const m = medians(list);
      rows.push({ placement, "gateway's calls": name, "requests/s": m.rate.toFixed(0), "p50 µs": m.p50_us, "p99 µs": m.p99_us,
        "CPU µs/request": m.cpu_us_per_request.toFixed(1), "exits/request": m.exits.toFixed(1), "exitless/request": m.exitless.toFixed(1),
        "posted, then left": m.withdrawn.toFixed(2),
        "modelled: thousand cycles of exits/request on SGX hardware": cycles.map((each) => (m.exits * each / 1000).toFixed(0)).join(" to ") });
    }
    const key = cpus === "0" ? "one_core" : "both_cores";
    ratios[`rate_exitless_to_exits_${key}`] = median(samples.exitless.map((one, i) => one.rate / samples["each call exits"][i].rate));
    ratios[`exits_exitless_to_exits_${key}`] = median(samples.exitless.map((one, i) => one.exits / samples["each call exits"][i].exits));
  }
  writeResult("exitless", { title: "Exitless calls of the gateway", rows, ratios, raw, errors: raw.reduce((sum, row) => sum + row.errors, 0),
    columns: Object.keys(rows[0]), placement: "Load on CPU 1, server processes where the table says.",
    notes: ["One C++ hello function, warm, TLS 1.3, 16 connections. Rates from wrk, latencies from bench-load. Ratios here: exitless ÷ each call exits.",
      "Leaving a software-SGX enclave and coming back takes a jump each, without a trap, in this software SGX; on SGX hardware 8,200 to 17,000 cycles were measured (HotCalls, ISCA 2017). " +
        "The last column is that figure times the counted exits: modelled, not measured, and in no other column.",
      "The worker needs a core of its own. This machine has two, and the load needs most of one of them."] });
}
