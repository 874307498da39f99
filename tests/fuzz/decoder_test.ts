// Damaged recordings through the decoder: whatever comes, it ends, throws nothing but ProtocolError, and does the same
// under any chunking. The corpus is the recorded sessions of tests/transcripts, and what is kept besides.

import assert from "node:assert/strict";
import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import { chunkings, decode, randomNumbers, recordings } from "../protocol/support.ts";
import { corpus, damaged, pick, ROUNDS, rounds, SEED } from "./support.ts";

const LIMITS = { line: 4096, literal: 2048, response: 8192, nesting: 8 };

/** Pieces of grammar that, put into the wrong place, have broken parsers before. */
const PIECES = [
  "(",
  ")",
  '"',
  "\\",
  "{3}\r\n",
  "{0}\r\n",
  "{99999999999999999999}\r\n",
  "~{2}\r\n",
  "\r\n",
  "\r",
  "\n",
  "\0",
  "\xff",
  " ",
  "*",
  "+ ",
  "NIL",
  "[",
  "]",
  "BODY[] ",
  "* 1 FETCH (",
  "4294967296",
  "18446744073709551616",
  ":",
  ",",
  "a1 OK ",
  "((((((((((",
];

/** Some consecutive lines of a recording, damaged in one to four places. */
function damagedLines(random: () => number, lines: readonly string[]): string {
  const from = Math.floor(random() * lines.length);
  const text = lines.slice(from, from + 1 + Math.floor(random() * 8)).map((line) => `${line}\r\n`).join("");
  return damaged(random, text, PIECES);
}

Deno.test("Decoder survives damaged recordings, the same way under any chunking", () => {
  const kept = [...recordings().map(({ octets }) => latin1(octets)), ...corpus("decoder")];
  const texts = kept.map((text) => text.split("\r\n"));
  const random = randomNumbers(SEED);
  let refused = 0;
  rounds((round) => {
    const text = damagedLines(random, pick(random, texts));
    const octets = fromLatin1(text);
    const whole = decode([octets.slice()], LIMITS);
    if (whole.error !== null) refused++;
    // Each octet is the end of at most a handful of events: a decoder that spins would never get here.
    assert.ok(whole.events.length <= 4 * octets.length + 4, JSON.stringify(text));
    for (const [chunking, chunks] of chunkings(octets, round)) {
      const { events, error } = decode(chunks, LIMITS);
      assert.deepEqual(
        { events, error },
        { events: whole.events, error: whole.error },
        `${chunking} ${JSON.stringify(text)}`,
      );
    }
  });
  // The damage must be neither harmless nor total, or this tests nothing.
  assert.ok(refused > ROUNDS / 5 && refused < ROUNDS, `${refused} refused`);
});

Deno.test("Decoder survives noise made of pieces of the grammar", () => {
  const random = randomNumbers(SEED + 7);
  rounds((round) => {
    let text = pick(random, ["* 1 FETCH (", "* LIST ", "* OK [", "* STATUS x (", "* ESEARCH ", "* ", "+", "a1 "]);
    for (let i = Math.floor(random() * 12); i > 0; i--) text += pick(random, PIECES);
    const octets = fromLatin1(`${text}\r\n`);
    const whole = decode([octets.slice()], LIMITS);
    for (const [chunking, chunks] of chunkings(octets, round)) {
      const { events, error } = decode(chunks, LIMITS);
      assert.deepEqual(
        { events, error },
        { events: whole.events, error: whole.error },
        `${chunking} ${JSON.stringify(text)}`,
      );
    }
    assert.ok((whole.error ?? "").length < 250 && !/[^\x20-\x7e]/.test(whole.error ?? ""), whole.error ?? "");
  });
});
