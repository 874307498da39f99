// Reads the flags of the messages of one side, whatever the server says has changed. What they mean reconcile.ts decides.

import type { MailboxSession } from "../client/mod.ts";
import type { ModSeq, UidSet } from "../protocol/mod.ts";
import type { Sighting } from "./reconcile.ts";

/** The messages of the selected mailbox that exist among `uids`; changed: after `since`. */
export async function readSightings(
  session: MailboxSession,
  uids: UidSet,
  since: ModSeq,
): Promise<Map<number, Sighting>> {
  const seen = new Map<number, Sighting>();
  await session.fetch(uids, "(UID FLAGS MODSEQ)", {
    message: ({ uid, flags, modSeq }) => {
      if (uid !== null && flags !== null) seen.set(uid, { flags, changed: modSeq !== null && modSeq > since });
    },
  });
  return seen;
}
