// The digest: the beginning of SHA-256, as node:crypto gives it, whatever the length.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { digest } from "../../lib/base/digest.ts";

function wanted(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex").slice(0, 32);
}

Deno.test("the digest of any number of octets is the beginning of their SHA-256", () => {
  for (let length = 0; length <= 260; length++) {
    const octets = Uint8Array.from({ length }, (_, i) => i * 37 + length);
    assert.equal(digest(octets), wanted(octets), `${length} octets`);
  }
  const long = Uint8Array.from({ length: 1_200_000 }, (_, i) => i % 251);
  assert.equal(digest(long), wanted(long));
});

Deno.test("the digest of any octets is the beginning of their SHA-256, wherever they lie", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (octets, from) => {
    assert.equal(digest(octets.subarray(from)), wanted(octets.subarray(from)));
  }));
});
