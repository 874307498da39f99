// noteText(): the warnings of InterIMAP 0.5.7, word for word.

import assert from "node:assert/strict";
import { makeFlagSet, NO_FLAGS } from "../../lib/protocol/flags.ts";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import { noteText } from "../../lib/sync/notes.ts";

Deno.test("noteText() words a conflict as the original does", () => {
  const note = {
    kind: "conflict" as const,
    pair: { localUid: 5, remoteUid: 3 },
    local: makeFlagSet(["\\Flagged"]),
    remote: makeFlagSet(["\\Seen"]),
    union: makeFlagSet(["\\Flagged", "\\Seen"]),
  };
  assert.deepEqual(noteText(note, "foo.bar"), {
    component: null,
    text: "Conflicting flag update in foo.bar for local UID 5 (\\Flagged) and remote UID 3 (\\Seen). " +
      "Setting both to the union (\\Flagged \\Seen).",
  });
  assert.match(noteText({ ...note, local: NO_FLAGS }, "M").text, /local UID 5 \(\) and remote UID 3 \(\\Seen\)\./);
});

Deno.test("noteText() counts and compacts vanished UIDs, and reports them for the other side", () => {
  const uids = UidSet.of([2, 3, 4, 9]);
  assert.deepEqual(noteText({ kind: "unmatched-vanished", side: "local", uids }, "M"), {
    component: "remote",
    text: "No match for 4 vanished local UID(s) 2:4,9. Ignoring.",
  });
  assert.deepEqual(noteText({ kind: "unmatched-vanished", side: "remote", uids }, "M"), {
    component: "local",
    text: "No match for 4 vanished remote UID(s) 2:4,9. Ignoring.",
  });
});

Deno.test("noteText() points to --repair for a modified message without match", () => {
  assert.deepEqual(noteText({ kind: "unmatched-modified", side: "local", uid: 7 }, "M"), {
    component: "remote",
    text: "No match for modified local UID 7. Try '--repair'.",
  });
  assert.deepEqual(noteText({ kind: "unmatched-modified", side: "remote", uid: 7 }, "M"), {
    component: "local",
    text: "No match for modified remote UID 7. Try '--repair'.",
  });
});
