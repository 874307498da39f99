// Command lines, one word to a line in the corpus: each is understood or complained about in printable lines, and what
// is understood keeps the promises of its type.

import assert from "node:assert/strict";
import { utf8Octets } from "../../lib/base/bytes.ts";
import { OPTION_SPELLINGS, parseArguments, type RunInvocation } from "../../lib/cli/args.ts";
import { randomNumbers } from "../protocol/support.ts";
import { corpus, damaged, heap, isPrintableLine, pick, ROUNDS, roundsFrom, SEED } from "./support.ts";

const PIECES: readonly string[] = [
  ...OPTION_SPELLINGS.map((spelling) => `--${spelling}`),
  "-",
  "--",
  "-q-",
  "-hq",
  "\n",
  "\n",
  "\n",
  "=",
  "INBOX",
  "inbox",
  "60",
  "-1",
  "1_0",
  "99999999999",
  "local,remote",
  "database,",
  ",",
  "*",
  "\x1b[2J",
  "\xe9",
  "\u0175",
  "\ud83d\ude00",
];

function checkRun(run: RunInvocation): void {
  assert.ok(
    run.watch === null || (Number.isInteger(run.watch) && run.watch >= 1 && run.watch <= 2147483),
    `${run.watch}`,
  );
  assert.ok(run.targets.size > 0);
  // deno-lint-ignore no-control-regex
  assert.ok(run.mailboxes.every((name) => /^[\x01-\x7f]+$/.test(name)));
  assert.ok((run.confirmed ?? []).every((name) => /^[\x20-\x7e]+$/.test(name) && !name.includes("*")));
  if (run.command === "delete") assert.ok(run.mailboxes.length > 0);
  if (run.command === "rename") assert.equal(run.mailboxes.length, 2);
  if (run.command !== "sync") assert.ok(run.watch === null && !run.notify);
}

Deno.test("`parseArguments()` understands a command line or complains in printable lines", () => {
  const kept = corpus("command-line");
  const random = randomNumbers(SEED);
  const make = () => random() < 0.5 ? damaged(random, pick(random, kept), PIECES) : heap(random, PIECES);
  const kinds = new Map<string, number>();
  roundsFrom(kept, make, (text) => {
    const invocation = parseArguments(text.replace(/\n$/, "").split("\n"));
    kinds.set(invocation.kind, (kinds.get(invocation.kind) ?? 0) + 1);
    if (invocation.kind === "run") checkRun(invocation);
    else if (invocation.kind === "invalid") assert.ok(isPrintableLine(utf8Octets(invocation.problem)));
    else if (invocation.kind !== "help") {
      for (const problem of invocation.problems) assert.ok(isPrintableLine(utf8Octets(problem)), problem);
      assert.ok(invocation.kind === "version" || invocation.problems.length > 0);
    }
  });
  for (const kind of ["help", "version", "usage", "invalid", "run"]) {
    assert.ok((kinds.get(kind) ?? 0) > ROUNDS / 300, JSON.stringify([...kinds]));
  }
});
