// envelope.mjs: sealing and opening envelopes of several sizes, on one core.
import { execFileSync } from "node:child_process";
import { bin, writeResult } from "./lib.mjs";

export async function run() {
  const raw = JSON.parse(execFileSync("taskset", ["-c", "0", bin("bench-envelope")], { encoding: "utf8" }));
  const rows = raw.map((row) => ({ "payload bytes": row.bytes, "envelope bytes": row.envelope_bytes, "seal µs": row.seal_us, "open µs": row.open_us,
    "seal MB/s": (row.bytes / row.seal_us).toFixed(0) }));
  writeResult("envelope", { title: "Envelope seal and open", rows, raw, columns: ["payload bytes", "envelope bytes", "seal µs", "open µs", "seal MB/s"],
    notes: ["Key derivation (HKDF-SHA256), encoding, padding and AES-256-GCM included; outside an enclave, since the code is the same inside."] });
}
