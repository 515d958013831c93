// startup.mjs: how enclave memory comes, strategy by strategy: one program that says when it runs, touches a heap in order,
// and starts threads. Measured time and modelled cycles stand in columns of their own and are never added.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { bin, median, say, temporaryDirectory, writeResult } from "./lib.mjs";

const sizes = (process.env.BENCH_STARTUP_MIB ?? "16,64,256,1024,8192").split(",").map(Number);
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const strategies = ["sgx1-measured", "sgx1-unmeasured", "sgx2-fault", "sgx2-accept-first", "sgx2-batch", "sgx2-commit"];
const threadCounts = [1, 2, 4, 8, 16, 32, 64], threadStrategies = ["sgx1-unmeasured", "sgx2-batch"];
const windows = [1, 4, 16, 64, 256, 1024, 4096];
const isStatic = (strategy) => strategy.startsWith("sgx1");
const kStaticSpareMiB = 40; // stack, brk and the C library's own mappings

function pack(directory, strategy, heapMiB, extra = "threads: 64\n") {
  const manifest = path.join(directory, "manifest.yaml"), image = path.join(directory, "image.sgx");
  fs.writeFileSync(manifest, `${extra}memory_strategy: ${strategy}\n${isStatic(strategy) ? `heap: ${heapMiB + kStaticSpareMiB}M\n` : ""}`);
  execFileSync(bin("clemmys-pack"), ["--program", bin("shield_startup"), "--manifest", manifest, "--output", image,
    "--key", path.join(directory, "key.pem")], { stdio: "ignore" });
  return image;
}

// once runs the program and returns milliseconds until it spoke, its own times, and the events.
function once(directory, image, touchMiB, threads) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn("taskset", ["-c", "0", bin("clemmys-host"), "--stats", "--platform", "soft", "--soft-state", path.join(directory, "soft"),
      image, "--", String(touchMiB), String(threads)], { stdio: ["ignore", "pipe", "pipe"] });
    let started = 0, output = "", errors = "";
    child.stdout.on("data", (chunk) => { if (started === 0) started = performance.now() - begin; output += chunk; });
    child.stderr.on("data", (chunk) => { errors += chunk; });
    child.once("close", (code) => {
      if (code !== 0 || !output.includes(`threads that ran at once: ${threads}\n`)) return reject(new Error(`startup ended with ${code}: ${output}${errors}`));
      const number = (name) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(errors)?.[1] ?? NaN);
      const times = (name) => Number(new RegExp(`^${name} in ([0-9.]+) ms$`, "m").exec(errors)?.[1] ?? NaN);
      resolve({ start_ms: started, touch_ms: times("touched"), threads_ms: times("threads"), eadd: number("EADD"), eextend: number("EEXTEND"),
        eaug: number("EAUG"), eaccept: number("EACCEPT"), aex: number("AEX"), exits: number("EEXIT"), emodt: number("EMODT"), cycles: number("modelled cycles") });
    });
  });
}

// The largest heap is measured once: its image alone takes 11 GB.
async function measure(directory, image, touchMiB, threads, times = rounds) {
  const rows = [];
  for (let i = 0; i < times; ++i) rows.push(await once(directory, image, touchMiB, threads));
  return Object.fromEntries(Object.keys(rows[0]).map((key) => [key, median(rows.map((row) => row[key]))]));
}

const cells = (row) => ({ "start ms": row.start_ms.toFixed(1), "touch ms": row.touch_ms.toFixed(1), "threads ms": row.threads_ms.toFixed(2), EADD: row.eadd,
  EEXTEND: row.eextend, EAUG: row.eaug, EACCEPT: row.eaccept, AEX: row.aex, exits: row.exits, EMODT: row.emodt, "modelled Mcycles": (row.cycles / 1e6).toFixed(1) });

export async function run() {
  const directory = temporaryDirectory(), rows = [], raw = {};
  try {
    for (const size of sizes) {
      for (const strategy of strategies) {
        say(`startup: ${strategy}, ${size} MiB`);
        const image = pack(directory, strategy, size);
        const times = size > 1024 ? 1 : rounds;
        const idle = await measure(directory, image, 0, 1, times), touched = await measure(directory, image, size, 1, times);
        raw[`${strategy} ${size}`] = { start: idle, touched };
        rows.push({ case: `${strategy}, ${size} MiB`, ...cells({ ...touched, start_ms: idle.start_ms }) });
      }
    }
    for (const strategy of threadStrategies) {
      const image = pack(directory, strategy, 8 * 64 + 8 + 64); // stacks for all
      for (const threads of threadCounts) {
        say(`startup: ${strategy}, ${threads} threads`);
        const row = await measure(directory, image, 0, threads);
        raw[`${strategy} ${threads} threads`] = row;
        rows.push({ case: `${strategy}, ${threads} threads`, ...cells(row) });
      }
    }
    for (const window of windows) {
      say(`startup: window of ${window} pages`);
      const row = await measure(directory, pack(directory, "sgx2-batch", 0, `batch_pages_max: ${window}\n`), 256, 1);
      raw[`window ${window}`] = row;
      rows.push({ case: `sgx2-batch, 256 MiB, window ${window}`, ...cells(row) });
    }
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
  const at = (strategy, size, what, kind = "touched") => raw[`${strategy} ${size}`]?.[kind][what];
  const ratios = {};
  if (sizes.includes(1024)) ratios.start_1024_batch_to_measured = at("sgx2-batch", 1024, "start_ms", "start") / at("sgx1-measured", 1024, "start_ms", "start");
  if (sizes.includes(256)) {
    ratios.modelled_256_batch_to_fault = at("sgx2-batch", 256, "cycles") / at("sgx2-fault", 256, "cycles");
    ratios.modelled_256_batch_to_accept_first = at("sgx2-batch", 256, "cycles") / at("sgx2-accept-first", 256, "cycles");
    ratios.measured_256_batch_to_fault = at("sgx2-batch", 256, "touch_ms") / at("sgx2-fault", 256, "touch_ms");
  }
  // A picture shows measured time or modelled cycles, never both.
  const ofSizes = (some, names, value) => some.map((size) => ({ label: `${size} MiB`, bars: names.map((name) => ({ name, value: value(name, size) })) }));
  const ofThreads = (value) => threadCounts.map((threads) => ({ label: `${threads} threads`,
    bars: threadStrategies.map((name) => ({ name, value: value(raw[`${name} ${threads} threads`]) })) }));
  const plots = [
    { file: "startup", title: "Enclave start and memory, by strategy", unit: "measured ms until the program runs",
      groups: ofSizes(sizes.filter((size) => size <= 1024), strategies.filter((name) => name !== "sgx2-commit" && name !== "sgx2-accept-first"),
        (name, size) => at(name, size, "start_ms", "start")) },
    { file: "startup-cycles", title: "Start and a whole heap touched", unit: "modelled thousand cycles per page of heap",
      groups: ofSizes(sizes, strategies, (name, size) => at(name, size, "cycles") / 1000 / (size * 256)) },
    { file: "startup-threads", title: "Start and all threads", unit: "measured ms until all run", groups: ofThreads((row) => row.start_ms + row.threads_ms) },
    { file: "startup-threads-cycles", title: "Start and all threads", unit: "modelled million cycles", groups: ofThreads((row) => row.cycles / 1e6) },
  ];
  writeResult("startup", {
    title: "Enclave start and memory, by strategy", rows, raw, ratios, columns: ["case", ...Object.keys(rows[0]).filter((key) => key !== "case")],
    plots,
    notes: ["*start ms* is from the start of the host process to the first line of the program, *touch ms* the program's own time for writing to each page in order: measured, in software SGX.",
      "*modelled Mcycles* are published (unverified) costs of SGX instructions times the counted events (src/sgx/events.h): a model of hardware, not measured.",
      "The kernel's silent page faults are counted as a stock driver would cause them; software SGX does not spend their time, so measured times of sgx2-fault and sgx2-accept-first are flattered.",
      "Medians of three; the rows of 8,192 MiB were measured once.",
      "Pictures: heaps of more than 1 GiB are left out of the first; the images of the threads' rows allow 64 threads of 8 MiB of stack, and a static heap is cleared where it is mapped: stacks, and what malloc reserves for a thread.",
      `The SGX1 images hold the named heap and ${kStaticSpareMiB} MiB for stack and C library.`] });
}
