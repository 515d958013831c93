// chain.mjs: chains of 1 to 16 steps (each adds a line to a trace): what one more step costs.
import { api, deploy, image, load, medians, say, sequence, startPlatform, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 10);

export async function run() {
  const rows = [], raw = [], lengths = [1, 2, 4, 8, 16], p50 = {};
  const platform = await startPlatform();
  try {
    await deploy(platform, "trace", image("test_trace"), { parameters: [{ key: "label", value: "step" }] });
    for (const steps of lengths) await sequence(platform, `chain${steps}`, Array(steps).fill("trace"));
    for (const steps of lengths) {
      const samples = [];
      for (let round = 0; round < rounds; ++round) {
        say(`chain: ${steps} steps, round ${round + 1} of ${rounds}`);
        const sample = await load(platform, { path: `/api/v1/namespaces/_/actions/chain${steps}?blocking=true&result=true`, body: '{"value":1}',
          connections: 1, seconds: Math.max(3, seconds / 2), "warmup-seconds": 2 });
        samples.push(sample);
        raw.push({ steps, round, ...sample });
      }
      const m = medians(samples);
      p50[steps] = m.p50_us;
      rows.push({ steps, "p50 µs": m.p50_us, "p99 µs": m.p99_us, "CPU µs/request": m.cpu_us_per_request.toFixed(1),
        "µs per added step": steps === 1 ? "" : ((m.p50_us - p50[1]) / (steps - 1)).toFixed(1), errors: samples.reduce((sum, s) => sum + s.errors, 0) });
    }
    await api(platform, "GET", "activations?limit=1");
  } finally {
    await platform.end();
  }
  writeResult("chain", { plot: { unit: "p50, µs", groups: rows.map((row) => ({ label: `${row.steps} steps`, bars: [{ name: "clemmys", value: row["p50 µs"] }] })) },
    title: "Chains of n steps, one connection", rows, raw, errors: raw.reduce((sum, row) => sum + row.errors, 0), ratios: { chain_16_to_1: p50[16] / p50[1] },
    columns: ["steps", "p50 µs", "p99 µs", "CPU µs/request", "µs per added step", "errors"] });
}
