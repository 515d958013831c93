// coldstart.mjs: the first answer of a function that has no instance yet, by phase as the invoker saw them.
import { execFileSync } from "node:child_process";
import { api, bin, deploy, image, median, say, startPlatform, writeResult } from "./lib.mjs";

const times = Number(process.env.BENCH_COLD_STARTS ?? 15);

export async function run() {
  const raw = [];
  const platform = await startPlatform();
  try {
    await deploy(platform, "warmup", image("example_hello"));
    await api(platform, "POST", "actions/warmup?blocking=true&result=true", { name: "World" });
    for (let i = 0; i < times; ++i) {
      say(`coldstart: ${i + 1} of ${times}`);
      await deploy(platform, `cold${i}`, image("example_hello"));
      const begin = performance.now();
      await api(platform, "POST", `actions/cold${i}?blocking=true&result=true`, { name: "World" });
      raw.push({ total_ms: performance.now() - begin });
    }
    const response = await fetch(`https://127.0.0.1:${platform.port}/clemmys/v1/status`, { headers: { authorization: platform.authorization } });
    const status = await response.json();
    const starts = status.controller.latest_cold_starts.slice(-times);
    if (starts.length !== times) throw new Error(`the controller remembers ${starts.length} of ${times} starts`);
    const phases = Object.keys(starts[0]);
    const { measured_bytes } = JSON.parse(execFileSync(bin("clemmys"), ["enclave", "show", "--json", image("example_hello")], { encoding: "utf8" }));
    const rows = [{ phase: "client: request to answer", "median ms": median(raw.map((row) => row.total_ms)).toFixed(2) },
      ...phases.map((phase) => ({ phase: `invoker: ${phase.replace(/_ms$/, "")}`,
        "median ms": median(starts.map((start) => start[phase])).toFixed(2) }))];
    const bars = rows.map((row) => ({ label: row.phase.replace("invoker: ", ""), bars: [{ name: "clemmys", value: Number(row["median ms"]) }] }));
    rows.push({ phase: "image: measured", bytes: measured_bytes });
    writeResult("coldstart", { plot: { unit: "median ms", groups: bars },
      title: "Cold start of a C++ hello function", rows, raw: { requests: raw, starts, measured_bytes }, columns: ["phase", "median ms", "bytes"],
      notes: ["Each request goes to a function that was just deployed, so that an instance is created, measured, attested and given keys."] });
  } finally {
    await platform.end();
  }
}
