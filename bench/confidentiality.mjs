// confidentiality.mjs: what confidentiality costs: the platform as it is beside the same platform with sealing compiled out and
// gateway and function as ordinary processes (bench/insecure), in turns within one run.
import fs from "node:fs";
import path from "node:path";
import { api, bin, build, deploy, image, load, median, medians, rate, requireTls13, say, startPlatform, temporaryDirectory, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 10);
const target = "/api/v1/namespaces/_/actions/hello?blocking=true&result=true";
const body = '{"name":"World"}';

// plainFolder is a build folder whose host program runs no enclave but the key service's and the quoting enclave's.
function plainFolder() {
  const folder = temporaryDirectory();
  fs.mkdirSync(path.join(folder, "bin"));
  for (const name of ["clemmys", "clemmys-node"]) fs.copyFileSync(bin(name), path.join(folder, "bin", name));
  fs.copyFileSync(bin("insecure-plain-host"), path.join(folder, "bin", "clemmys-host"));
  fs.symlinkSync(path.join(build, "images"), path.join(folder, "images"));
  return folder;
}

export async function run() {
  const folder = plainFolder(), raw = [], rows = [], ratios = {};
  const confidential = await startPlatform();
  const plain = await startPlatform([], path.join(folder, "bin", "clemmys"));
  const servers = { confidential, plain };
  try {
    for (const server of Object.values(servers)) {
      await requireTls13(server);
      await deploy(server, "hello", image("example_hello"));
      await api(server, "POST", "actions/hello?blocking=true&result=true", { name: "World" });
    }
    for (const connections of [1, 16]) {
      const samples = { confidential: [], plain: [] };
      for (let round = 0; round < rounds; ++round) {
        for (const [name, server] of Object.entries(servers)) {
          say(`confidentiality: ${name}, ${connections} connections, round ${round + 1} of ${rounds}`);
          await load(server, { path: target, body, connections, seconds: 1, "warmup-seconds": 1 });
          const speed = await rate(server, { path: target, body, connections, seconds });
          const latency = await load(server, { path: target, body, connections, seconds: Math.max(3, seconds / 2), "warmup-seconds": 1 });
          const sample = { ...latency, rate: speed.rate, cpu_us_per_request: speed.cpu_us_per_request, errors: speed.errors + latency.errors };
          samples[name].push(sample);
          raw.push({ name, connections, round, ...sample });
        }
      }
      for (const [name, list] of Object.entries(samples)) {
        const m = medians(list);
        rows.push({ platform: name, connections, "requests/s": m.rate.toFixed(0), "p50 µs": m.p50_us, "p99 µs": m.p99_us,
          "CPU µs/request": m.cpu_us_per_request.toFixed(1) });
      }
      const ratio = (key) => median(samples.confidential.map((sample, i) => sample[key] / samples.plain[i][key]));
      ratios[`cpu_${connections}`] = ratio("cpu_us_per_request");
      ratios[`rate_${connections}`] = ratio("rate");
      ratios[`p50_${connections}`] = ratio("p50_us");
    }
  } finally {
    await plain.end();
    await confidential.end();
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const groups = [1, 16].map((connections) => ({ label: `${connections} connections`,
    bars: rows.filter((row) => row.connections === connections).map((row) => ({ name: row.platform, value: Number(row["CPU µs/request"]) })) }));
  writeResult("confidentiality", { plot: { unit: "CPU µs/request", groups }, title: "What confidentiality costs: warm hello", rows, ratios, raw,
    errors: raw.reduce((sum, row) => sum + row.errors, 0), columns: ["platform", "connections", "requests/s", "p50 µs", "p99 µs", "CPU µs/request"],
    notes: ["plain: the same sources, gateway and function as ordinary processes and linked without sealing; TLS to the client, records, controller, invoker and store as always. Ratios are confidential ÷ plain.",
      "With software SGX; what SGX hardware adds (dearer transitions, memory encryption) was not measured."] });
}
