// programs.mjs: programs of docs/programs.md as ordinary processes and inside an enclave, in turns: regular expressions, JSON and XML as
// libraries, and programs of Debian from start to end. Software SGX runs the same instructions at the same speed; what is seen is the
// shield: system calls, page faults, code that asks for the processor's features, no just-in-time compilers.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { loadavg } from "node:os";
import path from "node:path";
import { bin, image, median, say, temporaryDirectory, writeResult } from "./lib.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const environment = { PATH: "/usr/bin:/bin", LC_ALL: "C", HOME: "/" };

// words is text of 32 MiB that compresses as text does, and `lines` of it.
function writeInputs(folder) {
  let seed = 7;
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  const words = Array.from({ length: 5000 }, () => (next() >>> 8).toString(36));
  const text = [];
  for (let size = 0; size < 32 << 20;) {
    const line = Array.from({ length: 9 }, () => words[(next() >>> 16) * (next() >>> 16) >>> 17 & 4095]).join(" ");
    text.push(line);
    size += line.length + 1;
  }
  fs.writeFileSync(path.join(folder, "text"), text.join("\n") + "\n");
  fs.writeFileSync(path.join(folder, "records.json"), JSON.stringify(text.slice(0, 60_000).map((line, id) => ({ id, line, words: line.split(" ") }))));
}

// Temporary files would want a path that the image allows: sorting stays in memory, outside as inside.
const sql = `pragma temp_store=memory; create table t(a integer primary key, b text, c integer);
begin; with recursive n(i) as (select 1 union all select i+1 from n where i<300000) insert into t select i, hex(i*7919), i*7919%10007 from n; commit;
create index x on t(c); select count(*), sum(length(b)) from t where c between 100 and 5000; select c, count(*) from t group by c order by 2 desc, 1 limit 3;
begin; update t set c=c+1 where a%3=0; commit; drop table t; vacuum;`;
const programs = [
  { name: "start and end alone", program: "/usr/bin/jq", arguments: ["-n", "1"] },
  { name: "sqlite3: 300,000 rows on disk, index, queries, update", program: "/usr/bin/sqlite3", arguments: ["/state/db", sql] },
  { name: "zstd -9: 32 MiB of text", program: "/usr/bin/zstd", arguments: ["-T1", "-9", "-q", "-c", "/state/text"] },
  { name: "jq: 60,000 records of JSON", program: "/usr/bin/jq", arguments: ["-c", "[.[] | select(.id % 7 == 0) | .words | length] | add", "/state/records.json"] },
  { name: "grep -P: a regular expression over 32 MiB", program: "/usr/bin/grep", arguments: ["-c", "-P", "\\b(\\w)\\w*\\1 \\d", "/state/text"] },
  { name: "sort: 32 MiB", program: "/usr/bin/sort", arguments: ["-S", "256M", "--parallel=1", "-o", "/state/sorted", "/state/text"] },
  { name: "sha256sum: 32 MiB", program: "/usr/bin/sha256sum", arguments: ["/state/text"] },
];

const host = (folder, name) => [bin("clemmys-host"), "--platform", "soft", "--soft-state", path.join(folder, "soft"), "--mount", `/state=${folder}`, image(name), "--"];

// timed runs a command on CPU 0 and gives its output, and wall and CPU time in ms, as bash measures them.
function timed(command) {
  const file = path.join(temporaryDirectory(), "times");
  try {
    const output = execFileSync("taskset", ["-c", "0", "bash", "-c", `TIMEFORMAT="%3R %3U %3S"; { time "$@" 2>&3 3>&-; } 3>&2 2>"$0"`, file, ...command],
      { env: environment, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 26 });
    const [real, user, system] = fs.readFileSync(file, "utf8").trim().split(" ").map((seconds) => Number(seconds) * 1000);
    return { output, wall_ms: real, cpu_ms: user + system };
  } finally {
    fs.rmSync(path.dirname(file), { recursive: true });
  }
}

function both(folder, program) {
  const outside = timed([program.program, ...program.arguments.map((argument) => argument.replaceAll("/state", folder))]);
  fs.rmSync(path.join(folder, "db"), { force: true });
  const inside = timed([...host(folder, `debian_${path.basename(program.program)}`), ...program.arguments]);
  fs.rmSync(path.join(folder, "db"), { force: true });
  const same = (text) => text.toString("latin1").replaceAll(folder, "/state");
  if (same(outside.output) !== same(inside.output)) throw new Error(`${program.name}: the outputs differ`);
  return { outside, inside };
}

// libraries runs shield_text, which measures each library itself: no start in these numbers.
function libraries(folder) {
  const parse = (command) => {
    const text = execFileSync("taskset", ["-c", "0", "bash", "-c", '"$@" 2>&1 >/dev/null', "text", ...command], { env: environment, encoding: "utf8" });
    return Object.fromEntries([...text.matchAll(/^(\S+) ([\d.]+) ms$/gm)].map(([, name, ms]) => [name, Number(ms)]));
  };
  return { outside: parse([bin("shield_text"), "time"]), inside: parse([...host(folder, "shield_text"), "time"]) };
}

export async function run() {
  const folder = temporaryDirectory(), load = loadavg()[0], samples = new Map(), raw = [];
  const note = (name, outside, inside) => {
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ outside, inside, ratio: inside / outside });
    raw.push({ name, outside, inside });
  };
  try {
    writeInputs(folder);
    for (let round = 0; round < rounds; ++round) {
      say(`programs: round ${round + 1} of ${rounds}`);
      const { outside, inside } = libraries(folder);
      for (const name of Object.keys(outside)) note(`${name}, ms`, outside[name], inside[name]);
      for (const program of programs) {
        const pair = both(folder, program);
        note(`${program.name}, CPU ms`, pair.outside.cpu_ms, pair.inside.cpu_ms);
        note(`${program.name}, wall ms`, pair.outside.wall_ms, pair.inside.wall_ms);
      }
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const rows = [], ratios = {};
  for (const [what, list] of samples) {
    const value = (side) => median(list.map((each) => each[side]));
    ratios[what] = value("ratio");
    rows.push({ what, outside: value("outside").toFixed(1), inside: value("inside").toFixed(1), "inside ÷ outside": value("ratio").toFixed(2) });
  }
  writeResult("programs", { title: "Programs outside and inside", rows, raw: { load_average_at_start: load, rounds, samples: raw }, columns: Object.keys(rows[0]), ratios: {},
    placement: `Everything on CPU 0, outside and inside in turns, ${rounds} rounds.`,
    notes: ["pcre2, re2, std::regex, boost.json, libxml2: src/shield/programs/text.cc measures each itself. pcre2 compiles just in time outside and interprets inside, where no code may be made.",
      "The others are Debian's programs, from start to end: inside, that is loading and measuring an image with all their libraries, which \"start and end alone\" shows for jq.",
      "Software SGX: no cost of SGX hardware (memory encryption, exits, the limits of its page cache) is in these numbers.",
      `Load average when it began: ${load.toFixed(2)} on two cores${load > 0.5 ? ": the machine was not idle, so take the CPU times and the ratios, and no wall time, for what they are" : ""}.`] });
}
