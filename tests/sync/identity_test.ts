// FieldReader: the same text for what was appended and for what a server returns of it.

import assert from "node:assert/strict";
import fc from "fast-check";
import { latin1 } from "../../lib/base/bytes.ts";
import { FieldReader, IDENTIFYING_FIELDS } from "../../lib/sync/identity.ts";

/** One octet for each character. */
function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** One for all tests: nothing of an earlier header may show. */
const reader = new FieldReader();

function identifyingFields(header: Uint8Array): string {
  return latin1(reader.read(header));
}

function fields(...lines: string[]): string {
  return identifyingFields(octets(lines.map((line) => `${line}\r\n`).join("")));
}

Deno.test("a FieldReader takes the five fields and no others", () => {
  const text = fields(
    "Received: from a by b; today",
    "Message-ID: <1@example.org>",
    "Date: Sun, 22 Nov 2026 01:35:43 +0000",
    "From: Ann <ann@example.org>",
    "To: bob@example.org",
    "Subject: Hello there",
    "X-Subject: no",
    "Subject-X: no",
    "Froms: no",
    "",
    "Subject: in the body",
  );
  assert.equal(
    text,
    "date:Sun,22Nov202601:35:43+0000\nfrom:Ann<ann@example.org>\nmessage-id:<1@example.org>\n" +
      "subject:Hellothere\nto:bob@example.org",
  );
});

Deno.test("a FieldReader is empty when there is no such field", () => {
  for (const text of ["", "\r\n", "\r\nSubject: x\r\n", "\nSubject: x\n", "X: y\r\n\r\nbody", "no header at all"]) {
    assert.equal(identifyingFields(octets(text)), "");
  }
});

Deno.test("a FieldReader does not depend on line ends, folding, case or blanks around the colon", () => {
  const expected = "subject:abc";
  const forms = ["Subject: a b c", "SUBJECT:abc", "subject :\ta bc ", "sUBJECT: a\r\n b\r\n\tc", "Subject:\r\n a b c"];
  for (const form of forms) {
    assert.equal(identifyingFields(octets(`${form}\r\n\r\n`)), expected);
    assert.equal(identifyingFields(octets(`${form}\r\n\r\n`.replaceAll("\r", ""))), expected);
    assert.equal(identifyingFields(octets(form)), expected);
  }
});

Deno.test("a FieldReader counts repeated fields, in any order", () => {
  const twice = fields("To: b", "Subject: x", "To: a");
  assert.equal(twice, "subject:x\nto:a\nto:b");
  assert.notEqual(twice, fields("To: a", "Subject: x"));
  assert.notEqual(fields("To: a", "To: a"), fields("To: a"));
});

Deno.test("a FieldReader puts very many fields in order, and none of them is in the next header", () => {
  const addresses = Array.from({ length: 100_000 }, (_, i) => `a${String(999_999 - i)}`);
  const text = fields(...addresses.map((address) => `To: ${address}`), "Date: x", "To: b");
  const expected = ["date:x", ...addresses.toReversed().map((address) => `to:${address}`), "to:b"];
  assert.equal(text === expected.join("\n"), true);
  assert.equal(fields("To: b", "Date: x", "To: a"), "date:x\nto:a\nto:b");
});

Deno.test("a FieldReader leaves out fields without a value", () => {
  assert.equal(fields("Subject:", "To: ", "From: \r\n ", "Date: x"), "date:x");
});

Deno.test("a FieldReader keeps 8-bit octets and NUL as they are", () => {
  assert.equal(fields("Subject: Gr\xfc\xdfe\x00\xff"), "subject:Gr\xfc\xdfe\x00\xff");
});

Deno.test("a FieldReader passes over lines that are no header fields", () => {
  assert.equal(fields("From ann Sun Nov 22", " Subject: folded", ">From: x", "Subject x", "Date: y"), "date:y");
});

Deno.test("a FieldReader takes a line of blanks for a continuation, not for the end", () => {
  assert.equal(fields("Subject: a", " \t", " b", "Date: y"), "date:y\nsubject:ab");
});

Deno.test("a FieldReader ends the header at CR CR LF when line ends were converted twice", () => {
  const header = "Date: d\r\r\n folded\r\r\nTo: x\r\r\n\r\r\nSubject: body\r\r\n";
  assert.equal(identifyingFields(octets(header)), "date:dfolded\nto:x");
});

Deno.test("a FieldReader bears a header that is cut off anywhere", () => {
  const header = octets("Subject: a\r\n b\r\nDate: c\r\n\r\nTo: d\r\n");
  const texts = Array.from(header, (_, i) => identifyingFields(header.subarray(0, i)));
  assert.equal(texts[8], "");
  assert.equal(texts[10], "subject:a");
  assert.equal(texts[11], "subject:a");
  assert.equal(texts[14], "subject:ab");
  assert.equal(texts[texts.length - 1], "date:c\nsubject:ab");
});

Deno.test("a FieldReader takes values of any length", () => {
  const list = Array.from({ length: 20_000 }, (_, i) => `user${i}@example.org`);
  assert.equal(fields(`To: ${list.join(",\r\n ")}`), `to:${list.join(",")}`);
});

Deno.test("IDENTIFYING_FIELDS are fields that a FieldReader takes", () => {
  for (const name of IDENTIFYING_FIELDS) assert.equal(fields(`${name}: x`), `${name.toLowerCase()}:x`);
});

Deno.test("a FieldReader orders lines by their octets, of which one may be the beginning of another", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\x00", "\x0b", "\xff") })), (values) => {
    const lines = values.filter((value) => value !== "").map((value) => `subject:${value}`);
    assert.equal(fields(...values.map((value) => `Subject: ${value}`)), lines.sort().join("\n"));
  }));
});

Deno.test("a FieldReader tells which of its fields have a value in the header that was read last", () => {
  const own = new FieldReader(["Subject", "X-Own", "To"]);
  own.read(octets("X-OWN: 1\r\nTo:\r\n\r\nSubject: body\r\n"));
  assert.deepEqual(["Subject", "X-Own", "To"].map((name) => own.has(name)), [false, true, false]);
  own.read(octets("Subject: 2\r\n"));
  assert.deepEqual(["Subject", "X-Own", "To"].map((name) => own.has(name)), [true, false, false]);
});

const names = fc.constantFrom(...IDENTIFYING_FIELDS, "X-Other", "Received");
const words = fc.array(fc.string({ minLength: 1, unit: fc.constantFrom("a", "b", ":", "<", ">", "\xe9") }), {
  maxLength: 4,
});
const headers = fc.array(fc.record({ name: names, words }), { maxLength: 8 });

Deno.test("a FieldReader is the same for what a server returns of a header, however refolded and reordered", () => {
  const eol = fc.constantFrom("\r\n", "\n");
  const blanks = fc.infiniteStream(fc.constantFrom(" ", "\t", "  ", "\r\n ", "\n\t"));
  const cases = fc.record({ header: headers, eol, blanks, reverse: fc.boolean(), upper: fc.boolean() });
  fc.assert(fc.property(cases, ({ header, eol, blanks, reverse, upper }) => {
    const sent = header.map(({ name, words }) => `${name}: ${words.join(" ")}${eol}`).join("") + `${eol}body`;
    const returned = header.filter(({ name }) => IDENTIFYING_FIELDS.includes(name)).map(({ name, words }) => {
      const refolded = words.map((word) => `${blanks.next().value}${word}`).join("");
      return `${upper ? name : name.toLowerCase()}:${refolded}\r\n`;
    });
    if (reverse) returned.reverse();
    assert.equal(identifyingFields(octets(`${returned.join("")}\r\n`)), identifyingFields(octets(sent)));
  }));
});

Deno.test("a FieldReader differs when a value differs", () => {
  fc.assert(fc.property(headers, fc.nat(), (header, at) => {
    const lines = header.map(({ name, words }) => `${name}: ${words.join(" ")}`);
    const identifying = header.flatMap(({ name }, i) => IDENTIFYING_FIELDS.includes(name) ? [i] : []);
    const changed = identifying[at % Math.max(identifying.length, 1)];
    if (changed === undefined) return;
    const other = lines.map((line, i) => i === changed ? `${line}!` : line);
    assert.notEqual(fields(...other), fields(...lines));
  }));
});
