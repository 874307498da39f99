// Runs the benchmarks of tests/bench/ and prints what each costs for one octet, message or whatever it works through:
// the name of a benchmark ends in how many of what (`/ 1000 messages`).

import { markdownTable } from "./bench/table.ts";

/** What `deno bench --json` prints, as far as it is read here. */
interface BenchOutput {
  readonly benches: readonly {
    readonly group: string | null;
    readonly name: string;
    /** Nanoseconds an iteration. */
    readonly results: readonly { readonly ok?: { readonly avg: number; readonly min: number } }[];
  }[];
}

const args = ["bench", "--json", "--no-check", "--cached-only", "--allow-all", ...Deno.args, "tests/bench/"];
const { code, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
const { benches }: BenchOutput = JSON.parse(new TextDecoder().decode(stdout));
const rows = benches.map(({ group, name, results }) => {
  const [, what, count, unit] = /^(.*) \/ (\d+) (\w+)$/.exec(name) ?? [];
  if (what === undefined || unit === undefined) throw new Error(`${group}: ${name} does not tell how many of what`);
  const result = results[0]?.ok;
  const share = (nanoseconds: number) => String(Number((nanoseconds / Number(count)).toPrecision(3)));
  return [
    `${group}: ${what}`,
    unit,
    ...(result === undefined ? ["failed", ""] : [share(result.avg), share(result.min)]),
  ];
});
console.log(markdownTable(["what", "counted in", "mean ns for one", "least ns for one"], rows));
Deno.exit(code);
