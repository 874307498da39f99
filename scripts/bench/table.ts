// The figures of a benchmark as Markdown, in the form that `deno fmt` gives it. Pure.

/** One run, as the JSON file has it. Seconds, bytes; null: no figure. */
export interface RunRecord {
  readonly scenario: string;
  readonly tool: string;
  /** Milliseconds. */
  readonly rtt: number;
  readonly verdict: "ok" | "FAILED" | "timeout";
  readonly wall: number | null;
  readonly cpu: number | null;
  readonly rss: number | null;
  /** Of the busiest connection to the remote server: how often the tool began to send after it was sent something. */
  readonly turns: number | null;
  readonly connections: number | null;
  /** The machine's load average when the run began: a figure of a busy machine says little. */
  readonly load: number;
  readonly faults: readonly string[];
  /** Seconds that each message took while the tool watched; absent: it did not, but ran to its end. */
  readonly latencies?: readonly number[];
}

export interface Report {
  readonly machine: string;
  /** UTC. */
  readonly date: string;
  readonly seed: number;
  /** Of each scenario, RTT and tool; fewer of one that is slow. */
  readonly runs: number;
  /** Seconds that a run may take. */
  readonly limit: number;
  readonly records: readonly RunRecord[];
  /** What was not as usual, for people. */
  readonly notes?: readonly string[];
}

/** What a cell shows: a figure of each run, and how their median is written. */
interface Figure {
  readonly of: (record: RunRecord) => number | null;
  readonly show: (median: number) => string;
}

const WALL: Figure = { of: ({ wall }) => wall, show: seconds };
const CPU: Figure = { of: ({ cpu }) => cpu, show: seconds };
const RSS: Figure = { of: ({ rss }) => rss, show: (bytes) => String(Math.round(bytes / 1e6)) };
const LATENCY: Figure = { of: ({ latencies = [] }) => median(latencies), show: seconds };
const WORST: Figure = {
  of: ({ latencies = [] }) => latencies.length === 0 ? null : Math.max(...latencies),
  show: seconds,
};
const TURNS: Figure = { of: ({ turns }) => turns, show: (turns) => String(Math.round(turns)) };

function seconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

/** The value in the middle; null when there is none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((one, other) => one - other);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** The first column is text, the others are numbers. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, at) => Math.max(3, ...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  const padded = (cells: readonly string[]) =>
    widths.map((width, at) => at === 0 ? (cells[at] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width));
  const rule = widths.map((width, at) => at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [padded(head), rule, ...rows.map(padded)].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Of several runs of one tool in one place. A wrong result has no figure, whatever the other runs did. */
function cell(records: readonly RunRecord[], figure: Figure, limit: number): string {
  if (records.some(({ verdict }) => verdict === "FAILED")) return "FAILED";
  if (records.some(({ verdict }) => verdict === "timeout")) return figure === WALL ? `> ${limit}` : "";
  const value = median(records.map(figure.of).filter((one) => one !== null));
  return value === null ? "" : figure.show(value);
}

/** Each value once, in the order in which they come. */
function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}

/** Figures at one RTT, with the words behind each tool in the head of the table. */
interface Column {
  readonly rtt: number;
  readonly figure: Figure;
  readonly heading: string;
}

/** One row for each scenario, one column for each of `columns` and each tool. */
function tableOf(records: readonly RunRecord[], columns: readonly Column[], limit: number): string {
  const tools = distinct(records.map(({ tool }) => tool));
  const rows = distinct(records.map(({ scenario }) => scenario)).map((scenario) => [
    scenario,
    ...columns.flatMap(({ rtt, figure }) =>
      tools.map((tool) =>
        cell(records.filter((one) => one.scenario === scenario && one.tool === tool && one.rtt === rtt), figure, limit)
      )
    ),
  ]);
  const heads = columns.flatMap(({ heading }) => tools.map((tool) => `${tool}, ${heading}`));
  return markdownTable(["scenario", ...heads], rows);
}

/**
 * Two tables of what ran to its end: wall seconds for each RTT and tool; and at the largest RTT processor seconds, peak
 * memory and turns of each tool. One of what watched.
 */
export function renderReport({ machine, date, runs, limit, records, notes = [] }: Report): string {
  const rtts = distinct(records.map(({ rtt }) => rtt)).sort((one, other) => one - other);
  const last = rtts.at(-1) ?? 0;
  const runRecords = records.filter(({ latencies }) => latencies === undefined);
  const watchRecords = records.filter(({ latencies }) => latencies !== undefined);
  const load = median(records.map((record) => record.load)) ?? 0;
  const parts = [
    `Measured on ${date}.`,
    [
      `- Machine: ${machine}.`,
      `- Load average during the runs: ${load.toFixed(1)}; the more of other work, the less the figures at 0 ms say.`,
      `- Medians of ${runs} runs, of fewer where one took long.`,
      ...notes.map((note) => `- ${note}`),
    ].join("\n"),
  ];
  if (runRecords.length > 0) {
    const walls = rtts.map((rtt) => ({ rtt, figure: WALL, heading: `${rtt} ms` }));
    const needs = [[CPU, "CPU s"], [RSS, "MB"], [TURNS, "turns"]] as const;
    parts.push(
      "Wall seconds:",
      tableOf(runRecords, walls, limit),
      `Processor seconds, peak memory and turns at ${last} ms:`,
      tableOf(runRecords, needs.map(([figure, heading]) => ({ rtt: last, figure, heading })), limit),
    );
  }
  if (watchRecords.length > 0) {
    const kinds = [[LATENCY, "median"], [WORST, "worst"]] as const;
    const columns = rtts.flatMap((rtt) =>
      kinds.map(([figure, word]) => ({ rtt, figure, heading: `${word}, ${rtt} ms` }))
    );
    parts.push(
      "Seconds from the OK of an APPEND on the remote server until the message is in the local store:",
      tableOf(watchRecords, columns, limit),
    );
  }
  return `${parts.join("\n\n")}\n`;
}
