// overload.mjs: ten times what the platform can take. The function waits 20 ms, so that instances are what is scarce; capacity is
// measured first, in the same run, by the same generator.
import { api, deploy, image, median, openLoop, residentMiB, say, startPlatform, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const seconds = Number(process.env.BENCH_SECONDS ?? 10);
const path = "/api/v1/namespaces/_/actions/wait?blocking=true&result=true";
const body = '{"value":1}';

export async function run() {
  const raw = [], platform = await startPlatform();
  try {
    await deploy(platform, "wait", image("test_trace"), { parameters: [{ key: "label", value: "wait" }, { key: "pause_ms", value: 20 }] });
    await api(platform, "POST", "actions/wait?blocking=true&result=true", { value: 1 });
    for (let round = 0; round < rounds; ++round) {
      say(`overload: round ${round + 1} of ${rounds}`);
      await openLoop(platform, { path, body, connections: 64, rate: 1000, seconds: 3 });
      const capacity = (await openLoop(platform, { path, body, connections: 64, rate: 1000, seconds })).goodput;
      const before = residentMiB(platform.child.pid);
      let peak = before;
      const sampling = setInterval(() => { peak = Math.max(peak, residentMiB(platform.child.pid)); }, 250);
      const overload = await openLoop(platform, { path, body, connections: 3000, rate: 10 * capacity, seconds });
      clearInterval(sampling);
      raw.push({ round, capacity, before_mib: before, peak_mib: peak, ...overload });
    }
  } finally {
    await platform.end();
  }
  const of = (pick) => median(raw.map(pick));
  const share = (pick) => of((row) => (100 * pick(row)) / row.sent).toFixed(1);
  const rows = [
    { what: "capacity, answers/s", median: of((row) => row.capacity).toFixed(0) },
    { what: "offered, requests/s", median: of((row) => row.offered / row.seconds).toFixed(0) },
    { what: "of which the generator could not send, %", median: of((row) => (100 * row.unsent) / row.offered).toFixed(1) },
    { what: "goodput, answers/s", median: of((row) => row.goodput).toFixed(0) },
    { what: "goodput ÷ capacity", median: of((row) => row.goodput / row.capacity).toFixed(2) },
    { what: "refused (503), requests/s", median: of((row) => row.refused.count / row.seconds).toFixed(0) },
    { what: "requests sent, %", median: "100.0" },
    { what: "– answered in time", median: share((row) => row.good.count) },
    { what: "– answered after the load's end, from the queue", median: share((row) => row.late_good.count) },
    { what: "– refused in time", median: share((row) => row.refused.count) },
    { what: "– refused after the load's end", median: share((row) => row.late_refused.count) },
    { what: "– answered otherwise", median: share((row) => row.others) },
    { what: "– not answered", median: share((row) => row.unanswered) },
    { what: "refusal, p50 ms", median: of((row) => row.refused.p50_us / 1000).toFixed(1) },
    { what: "refusal, p99 ms", median: of((row) => row.refused.p99_us / 1000).toFixed(1) },
    { what: "resident memory before the first round, MiB", median: raw[0].before_mib.toFixed(0) },
    { what: "resident memory at most, MiB, round by round", median: raw.map((row) => row.peak_mib.toFixed(0)).join(", ") },
  ];
  writeResult("overload", { title: "Ten times the capacity", rows, raw, columns: ["what", "median"],
    errors: raw.reduce((sum, row) => sum + row.others + row.unanswered + row.broken_connections, 0),
    notes: ["The function waits 20 ms; the load is an open loop from 3,000 connections, whose timetable does not wait for answers; those that are missing at its end are waited for. Memory is looked at four times a second."] });
}
