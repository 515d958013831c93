// script.mjs: JavaScript alone, as an ordinary process and inside an enclave, beside Node running the same code.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { bin, build, image, root, temporaryDirectory, writeResult } from "./lib.mjs";

function onNode() {
  const { main } = createRequire(import.meta.url)(path.join(root, "bench/functions/work.js"));
  const median = (rounds, batch, work) => {
    const samples = [];
    for (let i = 0; i < rounds; ++i) {
      const begin = process.hrtime.bigint();
      for (let n = 0; n < batch; ++n) work();
      samples.push(Number(process.hrtime.bigint() - begin) / 1000 / batch);
    }
    return samples.sort((a, b) => a - b)[rounds >> 1];
  };
  return { hello_us: median(51, 1000, () => JSON.stringify(main(JSON.parse('{"name":"World"}')))),
    json_us: median(51, 1, () => main({ what: "json", n: 1000 })), sha256_us: median(5, 1, () => main({ what: "sha256", n: 1 << 20 })) };
}

export async function run() {
  const state = temporaryDirectory();
  const parse = (text) => JSON.parse(text.trim().split("\n").at(-1));
  const raw = {
    process: parse(execFileSync("taskset", ["-c", "0", bin("bench-script")], { encoding: "utf8" })),
    enclave: parse(execFileSync("taskset", ["-c", "0", bin("clemmys-host"), "--platform", "soft", "--soft-state", state, image("bench_script"), "--"], { encoding: "utf8" })),
    node: onNode(),
  };
  fs.rmSync(state, { recursive: true });
  const imageBytes = fs.statSync(path.join(build, "images/js.sgx")).size;
  const row = (label, key, digits = 0) => ({ what: label, process: raw.process[key]?.toFixed(digits) ?? "–", enclave: raw.enclave[key]?.toFixed(digits) ?? "–", node: raw.node[key]?.toFixed(digits) ?? "–" });
  writeResult("script", {
    title: "JavaScript alone",
    rows: [row("load from the snapshot, µs", "load_us"), row("hello call, µs", "hello_us", 2), row("1,000 objects: make, sort, stringify, parse, stringify, µs", "json_us"),
      row("SHA-256 of 1 MiB in JavaScript, µs", "sha256_us"), row("reset (isolate), µs", "reset_us"), row("sandbox memory, bytes", "sandbox_bytes"), row("other heap, bytes", "heap_bytes")],
    raw: { ...raw, imageBytes }, columns: ["what", "process", "enclave", "node"],
    notes: [`Size of the image file (js.sgx): ${imageBytes} bytes.`, "No platform around it: a call is JSON in, JSON out. Node is a just-in-time compiler: the same code, warm. Software SGX: the enclave column has no cost of SGX hardware."],
  });
}
