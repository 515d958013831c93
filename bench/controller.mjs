// controller.mjs: why the controller stays outside: one and the same program, controller and store, as an ordinary process and packed
// into an enclave, under page caches of several sizes. Around it: one gateway and the instances of a chain, which answer at once.
// Measured time and modelled cycles stand in columns of their own.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { bin, cpuMicroseconds, image, median, say, temporaryDirectory, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const requests = Number(process.env.BENCH_REQUESTS ?? 50_000);
const inFlight = 128, payload = 16_384, steps = 4;
const cases = [{ name: "outside" }, { name: "inside, EPC without limit", epc: 0 }, ...[12, 8, 6, 4].map((mib) => ({ name: `inside, ${mib} MiB of EPC`, epc: mib }))];

function startController(directory, { epc }) {
  const outside = [bin("bench-controller"), `${directory}/gateways`, `${directory}/instances`, `${directory}/store`];
  const inside = [bin("clemmys-host"), "--stats", "--platform", "soft", "--soft-state", `${directory}/soft`, ...(epc ? ["--soft-epc-mib", String(epc)] : []),
    "--mount", `/bench=${directory}`, image("bench_controller"), "--", "/bench/gateways", "/bench/instances", "/bench/store"];
  return spawn("taskset", ["-c", "0", ...(epc === undefined ? outside : inside)], { stdio: ["ignore", "ignore", "pipe"] });
}

// once runs the load to its end and gives the cost of each request.
async function once(one) {
  const directory = temporaryDirectory();
  fs.mkdirSync(path.join(directory, "store"));
  const controller = startController(directory, one);
  let errors = "";
  controller.stderr.on("data", (chunk) => { errors += chunk; });
  const ended = new Promise((resolve) => controller.once("close", resolve));
  const load = spawn("taskset", ["-c", "1", bin("bench-controller-load"), "--controller", `${directory}/gateways`, "--instances", `${directory}/instances`,
    "--requests", String(requests), "--in-flight", String(inFlight), "--payload", String(payload), "--steps", String(steps)], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const line = await new Promise((resolve, reject) => {
      load.stdout.once("data", (chunk) => resolve(String(chunk)));
      load.once("exit", (code) => reject(new Error(`the load ended with ${code}: ${errors}`)));
    });
    const result = JSON.parse(line), cpu = cpuMicroseconds(controller.pid);
    if (result.errors > 0 || result.requests !== requests) throw new Error(`errors: ${line}`);
    load.stdin.end();
    const code = await ended;
    if (code !== 0) throw new Error(`the controller ended with ${code}: ${errors}`);
    const per = (name) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(errors)?.[1] ?? 0) / requests;
    return { rate: requests / result.seconds, cpu: cpu / requests, exits: per("EEXIT"), ewb: per("EWB"), eldu: per("ELDU"), cycles: per("modelled cycles") };
  } finally {
    controller.kill("SIGKILL");
    load.kill("SIGKILL");
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

export async function run() {
  const raw = Object.fromEntries(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; ++round) {
    for (const one of cases) {
      say(`controller: ${one.name}, round ${round + 1} of ${rounds}`);
      raw[one.name].push(await once(one));
    }
  }
  const at = (name, what) => median(raw[name].map((row) => row[what]));
  const rows = cases.map(({ name }) => ({ controller: name, "requests/s": at(name, "rate").toFixed(0), "CPU µs/request": at(name, "cpu").toFixed(0),
    "exits/request": at(name, "exits").toFixed(1), "EWB/request": at(name, "ewb").toFixed(1), "ELDU/request": at(name, "eldu").toFixed(1),
    "modelled: thousand cycles/request": (at(name, "cycles") / 1000).toFixed(0) }));
  const ratios = Object.fromEntries(cases.slice(1).map(({ name }) => [`cpu ${name}`, at(name, "cpu") / at("outside", "cpu")]));
  writeResult("controller", { title: "The controller inside an enclave, against outside", rows, ratios, raw, columns: Object.keys(rows[0]),
    notes: [`Chains of ${steps} steps, ${inFlight} open at a time, envelopes of ${payload / 1024} KiB, one record stored for each chain; instances that answer at once. Ratios: inside ÷ outside.`,
      "Modelled cycles are published (unverified) costs of SGX instructions times the counted events (src/sgx/events.h), start of the enclave included: a model of hardware, not measured, and in no other column.",
      "A page cache of that size is what function enclaves would leave to the controller. Nothing that it handles needs an enclave: all is sealed before it comes."] });
}
