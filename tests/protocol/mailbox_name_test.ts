// Mailbox names between the wire and the program.

import assert from "node:assert/strict";
import fc from "fast-check";
import { MailboxError } from "../../lib/errors.ts";
import { foldInbox, toInternal, toWire } from "../../lib/protocol/mod.ts";

Deno.test("foldInbox() folds the whole name INBOX only", () => {
  const cases: readonly [string, string][] = [
    ["inbox", "INBOX"],
    ["InBoX", "INBOX"],
    ["Inbox/x", "Inbox/x"],
    ["inbox\0x", "inbox\0x"],
    ["inboxes", "inboxes"],
    ["\xefnbox", "\xefnbox"],
    ["", ""],
  ];
  for (const [name, expected] of cases) assert.equal(foldInbox(name), expected);
});

Deno.test("toInternal() puts NUL where the delimiter was", () => {
  assert.equal(toInternal("a.b.c", "."), "a\0b\0c");
  assert.equal(toInternal("a\\b", "\\"), "a\0b");
  assert.equal(toInternal("a.b", "/"), "a.b");
  assert.equal(toInternal("a.b", null), "a.b");
  assert.equal(toInternal("a$b", "$"), "a\0b");
  assert.equal(toInternal("inbox", null), "INBOX");
  assert.equal(toInternal("Inbox.x", "."), "Inbox\0x");
  assert.equal(toInternal("caf\xc3\xa9/x", "/"), "caf\xc3\xa9\0x");
});

Deno.test("toWire() puts the delimiter where NUL was", () => {
  assert.equal(toWire("a\0b\0c", "/"), "a/b/c");
  assert.equal(toWire("a\0b", "$"), "a$b");
  assert.equal(toWire("INBOX\0x", "^"), "INBOX^x");
  assert.equal(toWire("a.b", null), "a.b");
});

Deno.test("toWire() throws when the namespace is flat and the name is not", () => {
  assert.throws(() => toWire("a\0b", null), (error) => {
    assert.ok(error instanceof MailboxError);
    assert.equal(error.message, "Mailbox name contains null characters but the namespace is flat!");
    assert.equal(error.mailbox, "a\0b");
    return true;
  });
});

Deno.test("toInternal() gives back what toWire() was given, unless a part contains the delimiter", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "B", "$", "&", "\\", "\xe9", " "), minLength: 1, maxLength: 5 });
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("\0"));
  fc.assert(
    fc.property(name, fc.constantFrom(".", "/", "^"), (internal, delimiter) => {
      assert.equal(toInternal(toWire(internal, delimiter), delimiter), internal);
    }),
    { seed: 3 },
  );
});
