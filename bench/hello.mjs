// hello.mjs: a warm C++ hello function over TLS beside npm's workerd, in turns within one run.
import { api, deploy, image, load, median, medians, rate, requireTls13, residentMiB, say, startPlatform, startWorkerd, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 10);
const target = "/api/v1/namespaces/_/actions/hello?blocking=true&result=true";
const body = '{"name":"World"}';

export async function run() {
  const rows = [], raw = [], ratios = {};
  const clemmys = await startPlatform();
  const workerd = await startWorkerd();
  let stored = 0;
  try {
    for (const server of [clemmys, workerd]) await requireTls13(server);
    await deploy(clemmys, "hello", image("example_hello"));
    for (const connections of [1, 16, 64]) {
      const samples = { clemmys: [], workerd: [] };
      for (let round = 0; round < rounds; ++round) {
        for (const [name, server] of Object.entries({ clemmys, workerd })) {
          say(`hello: ${name}, ${connections} connections, round ${round + 1} of ${rounds}`);
          const path = name === "clemmys" ? target : "/";
          await load(server, { path, body, connections, seconds: 1, "warmup-seconds": 1 });
          const speed = await rate(server, { path, body, connections, seconds });
          const latency = await load(server, { path, body, connections, seconds: Math.max(3, seconds / 2), "warmup-seconds": 1 });
          const sample = { ...latency, rate: speed.rate, wrk_requests: speed.requests, cpu_us_per_request: speed.cpu_us_per_request, errors: speed.errors + latency.errors };
          samples[name].push(sample);
          raw.push({ name, connections, round, ...sample });
        }
      }
      for (const [name, list] of Object.entries(samples)) {
        const m = medians(list);
        rows.push({ platform: name, connections, "requests/s": m.rate.toFixed(0), "p50 µs": m.p50_us, "p99 µs": m.p99_us,
          "CPU µs/request": m.cpu_us_per_request.toFixed(1), errors: list.reduce((sum, sample) => sum + sample.errors, 0) });
      }
      ratios[`rate_${connections}`] = median(samples.clemmys.map((sample, i) => sample.rate / samples.workerd[i].rate));
      ratios[`p50_${connections}`] = median(samples.clemmys.map((sample, i) => sample.p50_us / samples.workerd[i].p50_us));
    }
    rows.push({ platform: "resident memory, MiB", connections: "", "requests/s": `clemmys ${residentMiB(clemmys.child.pid).toFixed(0)}`,
      "p50 µs": `workerd ${residentMiB(workerd.child.pid).toFixed(0)}` });
    // Every answer must have left its record: what is not stored was not measured.
    const answered = raw.filter((row) => row.name === "clemmys").reduce((sum, row) => sum + row.requests + row.wrk_requests, 0);
    stored = (await api(clemmys, "GET", "activations?count=true")).activations;
    if (!(stored >= answered)) throw new Error(`${answered} requests were answered, but ${stored} records are stored`);
  } finally {
    await workerd.end();
    await clemmys.end();
  }
  const groups = [1, 16, 64].map((connections) => ({ label: `${connections} connections`,
    bars: rows.filter((row) => row.connections === connections).map((row) => ({ name: row.platform, value: Number(row["requests/s"]) })) }));
  writeResult("hello", { plot: { unit: "requests/s", groups }, title: "Warm hello over TLS 1.3", rows, ratios, raw, errors: raw.reduce((sum, row) => sum + row.errors, 0),
    columns: ["platform", "connections", "requests/s", "p50 µs", "p99 µs", "CPU µs/request", "errors"],
    notes: ["Rates from wrk, latencies from bench-load (closed loop); the same payload both ways, keep-alive, P-256 certificate.",
      `Ours stored an activation record for every request (${stored} counted afterwards), with replay cache, padding and logs on.`] });
}
