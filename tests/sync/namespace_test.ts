// Delimiters: which one counts, which mailboxes do not fit, which names cannot cross.

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  checkNamespaces,
  chooseDelimiter,
  delimiterProblems,
  internalName,
  internalPattern,
  leavesReference,
  matchesAny,
  nameProblem,
  printDelimiter,
  serverName,
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

Deno.test("internalName() and serverName() take the reference off and put it on", () => {
  const [plain, perso, flat] = [
    { reference: "", delimiter: "." },
    { reference: "perso/", delimiter: "/" },
    { reference: "x-", delimiter: null },
  ];
  assert.equal(internalName("INBOX", plain), "INBOX");
  assert.equal(internalName("INBOX", perso), null);
  assert.equal(internalName("perso/INBOX", perso), "INBOX");
  assert.equal(internalName("perso/a/b", perso), "a\0b");
  assert.equal(internalName("perso/", perso), null);
  assert.equal(internalName("perso", perso), null);
  assert.equal(internalName("person/a", perso), null);
  assert.equal(internalName("x-a.b", flat), "a.b");
  assert.equal(serverName("INBOX", perso), "perso/INBOX");
  assert.equal(serverName("a\0b", perso), "perso/a/b");
  assert.equal(serverName("a", flat), "x-a");
  assert.throws(() => serverName("a\0b", flat), /null characters/);
  const level = fc.string({ minLength: 1 }).filter((text) => !/[/\0]/.test(text) && text.toUpperCase() !== "INBOX");
  fc.assert(
    fc.property(fc.array(level, { minLength: 1 }), fc.constantFrom("", "r", "r/", "a/b/"), (levels, reference) => {
      const naming = { reference, delimiter: "/" };
      assert.equal(internalName(serverName(levels.join("\0"), naming), naming), levels.join("\0"));
    }),
  );
});

Deno.test("nameProblem() refuses names that would be something else on the other side", () => {
  const [plain, perso] = [{ reference: "", delimiter: "." }, { reference: "perso/", delimiter: "/" }];
  for (const name of ["a", "INBOX", "INBOX\0a", "...", "a.\0.b"]) {
    assert.equal(nameProblem("w", name, plain, perso), null);
  }
  for (const name of ["..", "..\0a", "a\0..\0b", ".", "\0a", "a\0\0b", "a\0"]) {
    assert.equal(
      nameProblem("w", name, plain, perso),
      "Mailbox w would leave list-reference on the other server; left out.",
    );
    assert.ok(leavesReference(name));
  }
  assert.equal(nameProblem("..", "..", perso, { reference: "", delimiter: "^" }), null);
  assert.match(nameProblem("perso/Inbox", "Inbox", perso, plain) ?? "", /would be INBOX on the other server/);
  assert.equal(nameProblem("perso/INBOX", "INBOX", perso, plain), null);
  assert.match(nameProblem("a.b", "a.b", perso, plain) ?? "", /hierarchy delimiter/);
});

Deno.test("matchesAny() knows the wildcards of LIST", () => {
  assert.equal(internalPattern("a/%", "/"), "a\0%");
  assert.equal(internalPattern("a/%", null), "a/%");
  assert.ok(matchesAny("a\0b\nc", ["x", "a*"]));
  assert.ok(matchesAny("a", ["a%"]));
  assert.ok(!matchesAny("a\0b", ["a%", "%", "b"]));
  assert.ok(matchesAny("a\0b", ["a\0%", "x"]));
  assert.ok(matchesAny("a.b", ["a.b"]));
  assert.ok(!matchesAny("axb", ["a.b"]));
  fc.assert(fc.property(fc.string(), (name) => matchesAny(name, [name]) && matchesAny(name, ["*"])));
});
