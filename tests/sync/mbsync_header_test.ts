// findMbsyncLine(): the line that mbsync adds, nothing that only looks like it, and nothing in the body.

import assert from "node:assert/strict";
import { findMbsyncLine, MBSYNC_LINE_OCTETS } from "../../lib/sync/mbsync_header.ts";

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("findMbsyncLine() finds the line wherever it stands in the header", () => {
  const line = "X-TUID: 9aB+/zX0q1Wy\r\n";
  assert.equal(line.length, MBSYNC_LINE_OCTETS);
  assert.equal(findMbsyncLine(octets(`${line}Subject: x\r\n\r\nbody`)), 0);
  assert.equal(findMbsyncLine(octets(`Subject: x\r\n${line}To: y\r\n\r\n`)), 12);
  assert.equal(findMbsyncLine(octets(`Subject: x\r\n folded\r\n${line}`)), 21);
});

for (
  const text of [
    "",
    "Subject: x\r\n\r\nX-TUID: 9aB+/zX0q1Wy\r\n",
    "\r\nX-TUID: 9aB+/zX0q1Wy\r\n",
    "X-TUID: 9aB+/zX0q1W\r\n",
    "X-TUID: 9aB+/zX0q1Wyy\r\n",
    "X-TUID:  9aB+/zX0q1W\r\n",
    "x-tuid: 9aB+/zX0q1Wy\r\n",
    "Subject: X-TUID: 9aB+/zX0q1Wy\r\n\r\n",
    "X-TUID: 9aB+/zX0q1Wy\n",
    "X-TUID: 9aB+/zX0q1Wy",
    "X-TUID: 9aB+/z\r\n 0q1\r\n",
  ]
) {
  Deno.test(`findMbsyncLine() finds none in ${JSON.stringify(text)}`, () => {
    assert.equal(findMbsyncLine(octets(text)), -1);
  });
}
