// What the benchmark counts as a wrong result, and what it makes of its mail.

import assert from "node:assert/strict";
import { compare, type Contents, type StoredMessage, withoutTuid } from "../../scripts/bench/check.ts";
import { MessageMaker } from "../../scripts/bench/messages.ts";
import type { Model } from "../../scripts/bench/stores.ts";
import { toBytes } from "../support/live/imap_values.ts";

const KEEPS = { losesKeywords: false };
const MODEL: Model = new Map([["INBOX", new Map([["a", ["\\Seen", "work"]], ["b", []]])]]);
const A: StoredMessage = { uid: 1, digest: "a", flags: ["\\Seen", "work"] };
const B: StoredMessage = { uid: 2, digest: "b", flags: [] };

function stored(...messages: readonly StoredMessage[]): Contents {
  return new Map([["INBOX", messages]]);
}

Deno.test("`compare()` finds nothing when a store holds what the model says, in whatever order", () => {
  assert.deepEqual(compare(MODEL, stored(B, { ...A, flags: ["work", "\\Seen"] }), KEEPS), []);
});

Deno.test("`compare()` finds a message that is missing, unexpected, there twice, or has other flags", () => {
  assert.deepEqual(compare(MODEL, stored(A), KEEPS), ["INBOX: 1 missing"]);
  assert.deepEqual(compare(MODEL, stored(A, B, { ...B, digest: "c" }), KEEPS), ["INBOX: 1 unexpected"]);
  assert.deepEqual(compare(MODEL, stored(A, B, { ...B, uid: 3 }), KEEPS), ["INBOX: 1 duplicate"]);
  assert.deepEqual(compare(MODEL, stored({ ...A, flags: ["work"] }, B), KEEPS), ["INBOX: 1 with wrong flags"]);
});

Deno.test("`compare()` forgives lost keywords only when the tool is known for it, and no lost system flag", () => {
  const lost = stored({ ...A, flags: ["\\Seen"] }, B);
  assert.deepEqual(compare(MODEL, lost, KEEPS), ["INBOX: 1 with wrong flags"]);
  assert.deepEqual(compare(MODEL, lost, { losesKeywords: true }), []);
  assert.deepEqual(compare(MODEL, stored({ ...A, flags: ["work"] }, B), { losesKeywords: true }), [
    "INBOX: 1 with wrong flags",
  ]);
});

Deno.test("`compare()` finds a mailbox that is missing or that nobody created, but for an empty INBOX", () => {
  assert.deepEqual(compare(MODEL, new Map(), KEEPS), ["INBOX: no such mailbox", "INBOX: 2 missing"]);
  const more = new Map([...stored(A, B), ["Copy", [A]]]);
  assert.deepEqual(compare(MODEL, more, KEEPS), ["Copy: nobody created it", "Copy: 1 unexpected"]);
  assert.deepEqual(compare(new Map(), stored(), KEEPS), []);
});

Deno.test("`withoutTuid()` takes the header of mbsync away, and nothing from the text", () => {
  const text = "X-TUID: in the text\r\n";
  const before = toBytes(`Subject: x\r\n\r\n${text}`);
  assert.deepEqual(withoutTuid(toBytes(`Subject: x\r\nX-TUID: abcdefghijkl\r\n\r\n${text}`)), before);
  assert.deepEqual(withoutTuid(before), before);
});

Deno.test("`make()` makes the same message of the same number, and another one of another seed or number", () => {
  const digests = [[1, 7], [1, 7], [1, 8], [2, 7]].map(([seed, number]) =>
    new MessageMaker(seed ?? 0, "normal").make(number ?? 0).digest
  );
  assert.equal(digests[0], digests[1]);
  assert.equal(new Set(digests).size, 3);
});
