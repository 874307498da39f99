// The digest: the beginning of SHA-256, as node:crypto gives it, whatever the length.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { digest } from "../../lib/base/digest.ts";

function wanted(octets: string): string {
  return createHash("sha256").update(octets, "latin1").digest("hex").slice(0, 32);
}

Deno.test("the digest of a text of any length is the beginning of its SHA-256", () => {
  for (let length = 0; length <= 260; length++) {
    const octets = Array.from({ length }, (_, i) => String.fromCharCode((i * 37 + length) & 0xff)).join("");
    assert.equal(digest(octets), wanted(octets), `${length} octets`);
  }
  const long = "0123456789abcdef\xff".repeat(70_000);
  assert.equal(digest(long), wanted(long));
});

Deno.test("the digest of any octets is the beginning of their SHA-256", () => {
  const octet = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  fc.assert(fc.property(fc.string({ unit: octet, maxLength: 300 }), (octets) => {
    assert.equal(digest(octets), wanted(octets));
  }));
});
