// run.mjs [NAME…]: runs the named benchmarks (all without a name) and writes bench/results/NAME.{json,md}.
const all = ["envelope", "hello", "coldstart", "chain", "startup", "script", "js", "confidentiality", "overload", "exitless", "controller", "programs"];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no benchmark ${unknown.join(", ")}; there are: ${all.join(", ")}\n`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : all) await (await import(`./${name}.mjs`)).run();
