// The options of the benchmark: arguments in, values out. Pure.

import { LONG_SCENARIOS, type Scenario, SCENARIOS, SMOKE_SCENARIOS } from "./scenarios.ts";
import { LIMIT, type Tool, TOOLS } from "./tools.ts";

const ALL_SCENARIOS: readonly Scenario[] = [...SCENARIOS, ...LONG_SCENARIOS, ...SMOKE_SCENARIOS];

export const USAGE = `usage: make bench BENCH="[OPTION...]"
  --scenario=NAME,...   default: all but ${[...LONG_SCENARIOS, ...SMOKE_SCENARIOS].map(({ name }) => name).join(", ")}
  --tools=NAME,...      default: ${TOOLS.map(({ name }) => name).join(",")}; limit: what the protocol would permit
  --rtt=MS,...          round-trip times to the remote server; default: 0,100
  --tls                 both connections by TLS
  --compress            both connections with COMPRESS=DEFLATE
  --runs=N              of each tool at each RTT, in turns; default: 3
  --budget=SECONDS      a tool that took so long is not run again in the same place; default: 30
  --limit=SECONDS       of one run; default: 120
  --seed=N              messages and changes follow from it; default: 1
  --directory=DIR       where the stores are; a short path; default: /tmp, or a RAM disk when run by root
  --disk=DIR            where configuration and state of the tools are; with --directory=DIR everything is there
  --out=FILE            JSON; default: build/bench.json
  --from=FILE           takes the figures of a JSON file instead of measuring
  --readme              puts the tables into README.md
scenarios:
${ALL_SCENARIOS.map(({ name, about }) => `  ${name.padEnd(20)}  ${about}`).join("\n")}`;

const KNOWN = /^--(scenario|tools|rtt|runs|budget|limit|seed|directory|disk|out|from)=(.+)$|^--(readme|tls|compress)$/;

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly tools: readonly Tool[];
  /** Milliseconds. */
  readonly rtts: readonly number[];
  readonly runs: number;
  /** Seconds. */
  readonly budget: number;
  /** Seconds. */
  readonly limit: number;
  readonly seed: number;
  readonly directory: string;
  /** null: below `directory`. */
  readonly disk: string | null;
  readonly tls: boolean;
  readonly compress: boolean;
  readonly out: string;
  /** null: measure. */
  readonly from: string | null;
  readonly readme: boolean;
}

/** Thrown when an option is unknown or has a value that it cannot have. */
export class UsageError extends Error {}

function parseNumber(text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least && value < Infinity)) {
    throw new UsageError(`Not a number of at least ${least}: ${text}`);
  }
  return value;
}

/** The items that a list of names means. */
function select<Item extends { readonly name: string }>(names: string, items: readonly Item[]): readonly Item[] {
  return names.split(",").map((name) => {
    const found = items.find((item) => item.name === name);
    if (found === undefined) throw new UsageError(`There is no ${name}`);
    return found;
  });
}

/** `build`: the folder for the JSON. @throws UsageError */
export function parseOptions(args: readonly string[], build: string): Options {
  const given = new Map<string, string>();
  for (const arg of args) {
    const [, name, value, flag] = KNOWN.exec(arg) ?? [];
    if (name === undefined && flag === undefined) throw new UsageError(`Unknown option: ${arg}`);
    given.set(name ?? flag ?? "", value ?? "");
  }
  const text = (name: string, preset: string) => given.get(name) ?? preset;
  const scenarios = given.get("scenario");
  const tools = select(text("tools", TOOLS.map(({ name }) => name).join(",")), [...TOOLS, LIMIT]);
  const plain = tools.find(({ isPlain }) => isPlain);
  if (plain !== undefined && (given.has("tls") || given.has("compress"))) {
    throw new UsageError(`${plain.name} knows neither TLS nor COMPRESS`);
  }
  return {
    scenarios: scenarios === undefined ? SCENARIOS : select(scenarios, ALL_SCENARIOS),
    tools,
    rtts: text("rtt", "0,100").split(",").map((rtt) => parseNumber(rtt, 0)),
    runs: parseNumber(text("runs", "3"), 1),
    budget: parseNumber(text("budget", "30"), 0),
    limit: parseNumber(text("limit", "120"), 1),
    seed: parseNumber(text("seed", "1"), 0),
    directory: text("directory", "/tmp"),
    disk: given.get("disk") ?? null,
    tls: given.has("tls"),
    compress: given.has("compress"),
    out: text("out", `${build}/bench.json`),
    from: given.get("from") ?? null,
    readme: given.has("readme"),
  };
}
