// Puts the notes of a plan into the words of the original, which scripts look for. Does not log.

import { flagText } from "../protocol/mod.ts";
import { type Note, otherSide, type Side } from "./model.ts";

/**
 * The text of a note, without prefix and without "WARNING: ", and the component it is logged under (null: none).
 * As in the original, what is found on one side is reported for the other: that is where nothing matches it.
 * `mailbox`: the name as the user knows it.
 */
export function noteText(note: Note, mailbox: string): { readonly component: Side | null; readonly text: string } {
  switch (note.kind) {
    case "conflict": {
      const { pair, local, remote, union } = note;
      const text = `Conflicting flag update in ${mailbox} for local UID ${pair.localUid} (${flagText(local)}) ` +
        `and remote UID ${pair.remoteUid} (${flagText(remote)}). Setting both to the union (${flagText(union)}).`;
      return { component: null, text };
    }
    case "unmatched-vanished": {
      const text = `No match for ${note.uids.size} vanished ${note.side} UID(s) ${note.uids}. Ignoring.`;
      return { component: otherSide(note.side), text };
    }
    case "unmatched-modified": {
      const text = `No match for modified ${note.side} UID ${note.uid}. Try '--repair'.`;
      return { component: otherSide(note.side), text };
    }
  }
}
