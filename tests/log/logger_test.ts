// The log: which lines are written, how they look, and what a standard error that misbehaves does to it.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import { openLogFile } from "../../lib/log/log_file.ts";
import { createLogger, lineWriter } from "../../lib/log/logger.ts";
import { timestamp } from "../../lib/log/timestamp.ts";
import type { Logger } from "../../lib/log/types.ts";

function record(quiet: boolean, debugLevel: number): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return { logger: createLogger({ quiet, debugLevel, sink: (line) => lines.push(latin1(line)) }), lines };
}

function logEverything(logger: Logger): void {
  logger.error("e");
  logger.warn("w");
  logger.notice("n");
  logger.info("i");
  logger.debug("d");
  logger.debug(() => "f");
}

Deno.test("`createLogger()` writes the levels that --quiet and --debug leave", () => {
  const always = ["ERROR: e\n", "WARNING: w\n", "n\n"];
  const rows: readonly (readonly [boolean, number, readonly string[]])[] = [
    [false, 0, [...always, "i\n"]],
    [true, 0, always],
    [false, 1, [...always, "i\n", "d\n", "f\n"]],
    [true, 2, [...always, "d\n", "f\n"]],
  ];
  for (const [quiet, debugLevel, expected] of rows) {
    const { logger, lines } = record(quiet, debugLevel);
    logEverything(logger);
    deepStrictEqual(lines, expected);
    deepStrictEqual([logger.debugging, logger.debugLevel], [debugLevel > 0, debugLevel]);
  }
});

Deno.test("`createLogger()` writes to the file too, with the time, and debug lines to the file alone", () => {
  const [lines, timed]: [string[], string[]] = [[], []];
  const logger = createLogger({
    quiet: true,
    debugLevel: 1,
    sink: (line) => lines.push(latin1(line)),
    format: "[%n] ",
    file: { sink: (line) => timed.push(latin1(line)), now: () => new Date(2026, 10, 2, 3, 4, 5, 6).getTime() },
  });
  logEverything(logger.with({ component: "local" }));
  deepStrictEqual(lines, ["[local] ERROR: e\n", "[local] WARNING: w\n", "[local] n\n"]);
  const expected = ["[local] ERROR: e", "[local] WARNING: w", "[local] n", "[local] d", "[local] f"];
  deepStrictEqual(timed, expected.map((line) => `Nov  2 03:04:05.006000 ${line}\n`));
});

Deno.test("`timestamp()` has the months and all digits", () => {
  strictEqual(timestamp(new Date(2027, 0, 31, 23, 59, 59, 999).getTime()), "Jan 31 23:59:59.999000");
  strictEqual(timestamp(new Date(2026, 11, 1, 0, 0, 0, 50).getTime()), "Dec  1 00:00:00.050000");
});

Deno.test("`openLogFile()` appends, follows a renamed file on `reopen()`, and drops lines once closed", async () => {
  const directory = await Deno.makeTempDir({ prefix: "interimap-" });
  try {
    const [path, old] = [`${directory}/log`, `${directory}/old`];
    await Deno.writeTextFile(path, "before\n");
    const file = openLogFile(path);
    const write = (text: string) => file.sink(fromLatin1(text));
    write("one\n");
    await Deno.rename(path, old);
    write("two\n");
    file.reopen();
    write("three\n");
    strictEqual(await Deno.readTextFile(old), "before\none\ntwo\n");
    strictEqual(await Deno.readTextFile(path), "three\n");
    await Deno.remove(path);
    await Deno.mkdir(path);
    file.reopen();
    file.close();
    file.close();
    write("four\n");
    throws(() => openLogFile(path), Deno.errors.IsADirectory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("`debug()` does not make text that nobody reads", () => {
  record(false, 0).logger.debug(() => {
    throw new Error("called");
  });
});

Deno.test("`with()` replaces both fields of the context, and keeps the levels", () => {
  const { logger, lines } = record(true, 1);
  const remote = logger.with({ component: "remote", mailbox: "INBOX" });
  remote.error("NO");
  remote.with({ component: "local" }).warn("x");
  remote.with({}).notice("y");
  remote.info("quiet");
  strictEqual(remote.with({ component: "local" }).debugLevel, 1);
  logger.notice("z");
  deepStrictEqual(lines, ["remote(INBOX): ERROR: NO\n", "local: WARNING: x\n", "y\n", "z\n"]);
});

Deno.test("`notice()` writes octets as they are, controls visibly, and what is no octet as UTF-8", () => {
  const { logger, lines } = record(false, 0);
  const octets = "caf\xe9 \xc3\x80";
  logger.with({ component: "local", mailbox: `${octets}\n\x1b]0;x\x07` }).notice(`a\r\nb \xc2\x9b 日📧`);
  const utf8 = latin1(new TextEncoder().encode("日📧"));
  deepStrictEqual(lines, [`local(${octets}\\x0A\\x1B]0;x\\x07): a\\x0D\\x0Ab \\xC2\\x9B ${utf8}\n`]);
});

/** A file descriptor that takes as many octets per call as `takes` says; "later" and "closed" throw. */
function sinkOf(takes: readonly (number | "later" | "closed")[], endless: "later" | "all" = "all") {
  const state = { written: "", calls: 0, pauses: 0 };
  const sink = lineWriter((bytes) => {
    const take = takes[state.calls++] ?? (endless === "all" ? bytes.length : "later");
    if (take === "later") throw new Deno.errors.WouldBlock("later");
    if (take === "closed") throw new Deno.errors.BrokenPipe("closed");
    state.written += latin1(bytes.subarray(0, take));
    return Math.min(take, bytes.length);
  }, () => void state.pauses++);
  return { state, write: (line: string) => sink(fromLatin1(line)) };
}

Deno.test("`lineWriter()` writes a line in one call when it can", () => {
  const { state, write } = sinkOf([]);
  write("a whole line\n");
  deepStrictEqual(state, { written: "a whole line\n", calls: 1, pauses: 0 });
});

Deno.test("`lineWriter()` goes on when only a part was taken, and waits when nothing was", () => {
  const { state, write } = sinkOf([3, "later", 0, 1]);
  write("a whole line\n");
  deepStrictEqual(state, { written: "a whole line\n", calls: 5, pauses: 2 });
});

Deno.test("`lineWriter()` drops the line, and ends nothing, when the other end is closed", () => {
  const { state, write } = sinkOf([2, "closed"]);
  write("lost\n");
  write("next\n");
  deepStrictEqual(state, { written: "lonext\n", calls: 3, pauses: 0 });
});

Deno.test("`lineWriter()` gives a line up when nothing is taken for long", () => {
  const { state, write } = sinkOf([], "later");
  write("stuck\n");
  strictEqual(state.written, "");
  ok(state.pauses > 100 && state.pauses < 1000, `${state.pauses} pauses`);
});

const CHILD = `
import { createLogger, stderrSink } from ${JSON.stringify(new URL("../../lib/log/mod.ts", import.meta.url).href)};
const logger = createLogger({ quiet: false, debugLevel: 0, sink: stderrSink() });
for (let i = 0; i < 3; i++) logger.with({ component: "local", mailbox: "caf\\xe9" }).notice("x".repeat(100_000));
console.log("alive");
`;

/** Runs the child by a line of shell in which RUN stands for it. */
async function runChild(line: string): Promise<Deno.CommandOutput> {
  const script = await Deno.makeTempFile({ prefix: "interimap-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, CHILD);
    const shell = line.replace("RUN", '"$0" run --quiet --no-config --no-lock "$1"');
    const args = ["-c", shell, Deno.execPath(), script];
    return await new Deno.Command("/bin/sh", { args, stdin: "null", stdout: "piped", stderr: "piped" }).output();
  } finally {
    await Deno.remove(script);
  }
}

Deno.test("`stderrSink()` writes the octets to standard error", async () => {
  const { code, stderr } = await runChild("RUN");
  strictEqual(code, 0);
  strictEqual(latin1(stderr), `local(caf\xe9): ${"x".repeat(100_000)}\n`.repeat(3));
});

Deno.test("`stderrSink()` does not end the run when standard error is closed, full, or a broken pipe", async () => {
  const broken = (reader: string) => `{ { RUN 2>&1 >&3 3>&-; } | ${reader}; } 3>&1`;
  for (const line of ["RUN 2>&-", "RUN 2>/dev/full", broken("true"), broken("head -c 10 >/dev/null")]) {
    const { stdout, stderr } = await runChild(line);
    strictEqual(latin1(stdout), "alive\n", `${line}: ${latin1(stderr)}`);
  }
});
