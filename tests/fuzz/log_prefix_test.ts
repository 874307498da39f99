// Formats of log-prefix: each is taken, in time and stack that its length bounds, and what is inserted is not read.

import assert from "node:assert/strict";
import { compilePrefix, DEFAULT_PREFIX } from "../../lib/log/prefix.ts";
import { randomNumbers } from "../protocol/support.ts";
import { corpus, damaged, heap, pick, roundsFrom, SEED } from "./support.ts";

const PIECES = [
  "%",
  "?",
  "&",
  "\\",
  "%n",
  "%m",
  "%%",
  "%?n?",
  "%?m?",
  "%?x?",
  "\\?",
  "\\&",
  "\\\\",
  "&?",
  "a",
  " ",
  "\xff",
];

Deno.test("`compilePrefix()` takes any format and inserts names as they are", () => {
  const kept = corpus("log-prefix");
  const random = randomNumbers(SEED);
  const make = () => random() < 0.5 ? damaged(random, pick(random, kept), PIECES) : heap(random, PIECES, 5000);
  assert.ok(kept.includes(DEFAULT_PREFIX));
  roundsFrom(kept, make, (format) => {
    const prefix = compilePrefix(format);
    const plain = prefix({ component: "\u0101", mailbox: "\u0102" });
    const odd = prefix({ component: "%n?\\", mailbox: "%?m?&" });
    assert.equal(odd, plain.replaceAll("\u0101", "%n?\\").replaceAll("\u0102", "%?m?&"));
    for (const context of [{}, { component: "local" }, { mailbox: "a" }]) prefix(context);
    assert.ok(prefix({}).length <= format.length);
  });
});
