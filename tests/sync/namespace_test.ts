// Delimiters: which one counts, which mailboxes do not fit, which names cannot cross.

import assert from "node:assert/strict";
import {
  checkNamespaces,
  chooseDelimiter,
  delimiterProblems,
  printDelimiter,
  unsafeName,
} from "../../lib/sync/namespace.ts";

function listed(...pairs: [string, string | null][]) {
  return pairs.map(([mailbox, delimiter]) => ({ mailbox, delimiter }));
}

Deno.test("chooseDelimiter() takes that of the alphabetically first mailbox", () => {
  const choice = chooseDelimiter(listed(["b", "/"], ["a", "."], ["c", "/"]));
  assert.deepEqual(choice, { kind: "known", delimiter: "." });
});

Deno.test("chooseDelimiter() ignores INBOX, in any case, but not its children", () => {
  assert.deepEqual(chooseDelimiter(listed(["INBOX", "/"], ["x", "."])), { kind: "known", delimiter: "." });
  assert.deepEqual(chooseDelimiter(listed(["Inbox", "/"], ["x", "."])), { kind: "known", delimiter: "." });
  assert.deepEqual(chooseDelimiter(listed(["INBOX", "/"], ["INBOX.c", "."])), { kind: "known", delimiter: "." });
});

Deno.test("chooseDelimiter() knows a flat namespace", () => {
  assert.deepEqual(chooseDelimiter(listed(["a", null])), { kind: "known", delimiter: null });
});

Deno.test("chooseDelimiter() asks when only INBOX or nothing was listed", () => {
  assert.deepEqual(chooseDelimiter(listed(["INBOX", "."])), { kind: "ask" });
  assert.deepEqual(chooseDelimiter([]), { kind: "ask" });
});

Deno.test("delimiterProblems() names each mailbox with another delimiter, INBOX excepted", () => {
  const all = listed(["INBOX", "|"], ["a", "."], ["b", "/"], ["INBOX.c", "\\"], ["d", null], ["e", '"']);
  assert.deepEqual(delimiterProblems(all, "."), [
    { mailbox: "b", text: 'Mailbox b has hierarchy delimiter "/", while "." was expected.' },
    { mailbox: "INBOX.c", text: 'Mailbox INBOX.c has hierarchy delimiter "\\\\", while "." was expected.' },
    { mailbox: "d", text: 'Mailbox d has hierarchy delimiter NIL, while "." was expected.' },
    { mailbox: "e", text: 'Mailbox e has hierarchy delimiter "\\"", while "." was expected.' },
  ]);
});

Deno.test("delimiterProblems() tells a hierarchy in a flat namespace", () => {
  assert.deepEqual(delimiterProblems(listed(["a", "."], ["b", null]), null), [
    { mailbox: "a", text: 'Mailbox a has hierarchy delimiter ".", while NIL was expected.' },
  ]);
});

Deno.test("checkNamespaces() accepts two hierarchies and two flat namespaces", () => {
  assert.equal(checkNamespaces(".", "/"), null);
  assert.equal(checkNamespaces(null, null), null);
});

Deno.test("checkNamespaces() refuses one flat and one hierarchical namespace", () => {
  const start = "Local and remote namespaces are neither both flat nor both hierarchical";
  assert.equal(checkNamespaces(null, "/"), `${start} (local NIL, remote "/").`);
  assert.equal(checkNamespaces("\\", null), `${start} (local "\\\\", remote NIL).`);
});

Deno.test("printDelimiter() quotes as LIST does", () => {
  assert.deepEqual([null, ".", "\\", '"'].map(printDelimiter), ["NIL", '"."', '"\\\\"', '"\\""']);
});

Deno.test("unsafeName() is true when the other side's delimiter is an ordinary character of the name", () => {
  assert.equal(unsafeName("a.b", "."), true);
  assert.equal(unsafeName("x\0a.b\0c", "."), true);
});

Deno.test("unsafeName() is false for what only looks like trouble", () => {
  assert.equal(unsafeName("a\0b", "."), false);
  assert.equal(unsafeName("a.b", "/"), false);
  assert.equal(unsafeName("a.b/c", null), false);
});
