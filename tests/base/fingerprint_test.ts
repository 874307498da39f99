// Fingerprinter: SipHash-2-4 as its authors give it, however the octets come.

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Fingerprint, Fingerprinter, randomKey } from "../../lib/base/fingerprint.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);

/** As the vectors of the reference implementation: the octets of the number, the lowest first. */
function shown({ high, low }: Fingerprint): string {
  const octets = new DataView(new ArrayBuffer(8));
  octets.setUint32(0, low, true);
  octets.setUint32(4, high, true);
  return [...new Uint8Array(octets.buffer)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
}

for (
  const [length, wanted] of [
    [0, "310e0edd47db6f72"],
    [1, "fd67dc93c539f874"],
    [7, "37d1018bf50002ab"],
    [8, "6224939a79f5f593"],
    [15, "e545be4961ca29a1"],
    [63, "724506eb4c328a95"],
  ] as const
) {
  Deno.test(`the fingerprint of the octets 0 to ${length} is that of the reference implementation`, () => {
    const fingerprinter = new Fingerprinter(KEY);
    fingerprinter.update(Uint8Array.from({ length }, (_, i) => i));
    assert.equal(shown(fingerprinter.finish()), wanted);
  });
}

Deno.test("a fingerprinter takes octets in any pieces, as text too, and can be used again", () => {
  const fingerprinter = new Fingerprinter(randomKey());
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), fc.nat(40), (octets, one, other) => {
    const whole = () => {
      fingerprinter.update(octets);
      return fingerprinter.finish();
    };
    const first = whole();
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    fingerprinter.update(octets.subarray(0, from));
    fingerprinter.updateText(String.fromCharCode(...octets.subarray(from, to)));
    fingerprinter.update(octets.subarray(to));
    assert.deepEqual(fingerprinter.finish(), first);
    assert.deepEqual(whole(), first);
    fingerprinter.update(octets);
    fingerprinter.update(Uint8Array.of(0));
    assert.notDeepEqual(fingerprinter.finish(), first);
  }));
});

Deno.test("under another key the fingerprint is another one: nobody can prepare for it", () => {
  const [one, other] = [new Fingerprinter(randomKey()), new Fingerprinter(randomKey())];
  for (const fingerprinter of [one, other]) fingerprinter.updateText("x");
  assert.notDeepEqual(one.finish(), other.finish());
});
