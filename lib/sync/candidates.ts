// Reads what identifies messages without their bodies: size, INTERNALDATE, digest of the identifying header fields, and
// the flags. Slice by slice: no command and no answer grows with the mailbox. Which of them are one message is decided
// elsewhere.

import { latin1 } from "../base/bytes.ts";
import type { Digest } from "../base/digest.ts";
import type { MailboxSession } from "../client/mod.ts";
import type { FlagSet, InternalDate, UidSet } from "../protocol/mod.ts";
import { FieldReader, IDENTIFYING_FIELDS } from "./identity.ts";
import type { Candidate } from "./recover.ts";

const ITEMS = `(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (${IDENTIFYING_FIELDS.join(" ")})])`;
/** Longer headers are identified by their beginning. */
const MAX_HEADER_OCTETS = 256 * 1024;
const MAX_SLICE_MESSAGES = 1000;

/** A message as it was read. */
export interface ReadCandidate extends Candidate {
  readonly flags: FlagSet;
  readonly date: InternalDate;
  /** The address of From without the white space, or "". */
  readonly from: string;
}

/** The messages of the selected mailbox that exist among `uids`. */
export async function readCandidates(
  session: MailboxSession,
  uids: UidSet,
  digest: Digest,
): Promise<readonly ReadCandidate[]> {
  const candidates: ReadCandidate[] = [];
  for (const slice of uids.slices(MAX_SLICE_MESSAGES)) {
    // By UID: however often a server tells the same message, it takes the memory of one.
    const read = new Map<number, ReadCandidate>();
    await readSlice(session, slice, digest, read);
    for (const candidate of read.values()) candidates.push(candidate);
  }
  return candidates;
}

async function readSlice(
  session: MailboxSession,
  uids: UidSet,
  digest: Digest,
  into: Map<number, ReadCandidate>,
): Promise<void> {
  const header = new Uint8Array(MAX_HEADER_OCTETS);
  const reader = new FieldReader();
  let filled = 0;
  await session.fetch(uids, ITEMS, {
    bodies: {
      begin: () => void (filled = 0),
      data: (bytes) => {
        const taken = bytes.subarray(0, header.length - filled);
        header.set(taken, filled);
        filled += taken.length;
      },
      end: () => {},
    },
    message: ({ uid, flags, rfc822Size, internalDate }) => {
      if (uid === null || flags === null || rfc822Size === null || internalDate === null) return;
      const fields = reader.read(header.subarray(0, filled));
      into.set(uid, {
        uid,
        flags,
        octets: rfc822Size,
        internalDate: internalDate.seconds,
        date: internalDate,
        headerDigest: digest(fields),
        from: addressIn(latin1(fields)),
      });
      filled = 0;
    },
  });
}

/** Of "from:Name<a@b>" the part between the brackets, else all of it. */
function addressIn(fields: string): string {
  const from = /^from:(.*)$/m.exec(fields)?.[1] ?? "";
  return /<([^<>]*)>/.exec(from)?.[1] ?? from;
}
