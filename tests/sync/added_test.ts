// The lines of the log that tell of copies.

import assert from "node:assert/strict";
import { added } from "../../lib/sync/added.ts";

const pairs = (...list: readonly (readonly [localUid: number, remoteUid: number])[]) =>
  list.map(([localUid, remoteUid]) => ({ localUid, remoteUid }));

Deno.test("`added()` names the UIDs of both sides, in the order in which they were copied", () => {
  const some = pairs([4, 9], [5, 1], [6, 2]);
  assert.deepEqual(added("local", some), ["Added 3 UID(s) 4:6 <- 9,1:2"]);
  assert.deepEqual(added("remote", some), ["Added 3 UID(s) 4:6 -> 9,1:2"]);
  assert.deepEqual(added("local", pairs([1, 7])), ["Added 1 UID(s) 1 <- 7"]);
});

Deno.test("`added()` tells of 128 copies in a line", () => {
  const many = pairs(...Array.from({ length: 300 }, (_, i) => [i + 1, i + 1001] as const));
  assert.deepEqual(added("remote", many), [
    "Added 128 UID(s) 1:128 -> 1001:1128",
    "Added 128 UID(s) 129:256 -> 1129:1256",
    "Added 44 UID(s) 257:300 -> 1257:1300",
  ]);
});
