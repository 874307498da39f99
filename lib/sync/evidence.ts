// Reads from a server what tells its messages apart, for match.ts: the header fields that name a message and its size, or
// the digest of its octets. Slice by slice, two in flight, and no body is ever held: neither a command nor what is kept
// grows with anything but the number of messages (RFC 9051 6.4.5).

import { type Fingerprint, Fingerprinter, type FingerprintKey } from "../base/fingerprint.ts";
import type { MailboxSession } from "../client/mod.ts";
import type { FetchItems, UidSet } from "../protocol/mod.ts";
import { AgreementLog } from "./agreements.ts";
import type { BothSides } from "./both_sides.ts";
import { isFar } from "./distance.ts";
import { fetchExisting } from "./fetch_existing.ts";
import { FieldReader } from "./identity.ts";
import { Evidence } from "./match.ts";
import { Sizes } from "./sizes.ts";
import { findMbsyncLine, MBSYNC_LINE_OCTETS } from "./mbsync_header.ts";

// Only with all of the proving fields a header names a message. Received is what the receiving servers add, with a time and
// a number of their own: nobody can send two messages for which that is the same. What a client made (drafts, sent mail)
// has none.
const NAMING_FIELDS = ["MESSAGE-ID", "DATE", "FROM", "TO", "SUBJECT", "CONTENT-TYPE", "RECEIVED"];
const PROVING_FIELDS = ["MESSAGE-ID", "DATE", "RECEIVED"];
const HEADER_ITEMS = `(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (${NAMING_FIELDS.join(" ")} X-TUID)])`;
const BODY_ITEMS = "(UID INTERNALDATE BODY.PEEK[])";
/** Of a header so much is looked at. */
const MAX_HEADER_OCTETS = 64 * 1024;
const MAX_SLICE_MESSAGES = 1000;
const NO_OCTETS = new Uint8Array();

/**
 * What is told of so many messages in a millisecond: over a line with 5 Mbit/s; of all mailboxes of a run, by Dovecot, to
 * which a Message-ID that it has not in its cache is as much work as a body.
 */
const PER_MS = { headers: 1, "Message-IDs": 6, "Message-IDs of all": 25 } as const;

/** Whether what is read of so many messages on either side is there sooner than the answer to another question. */
export function areFew(
  messages: BothSides<number>,
  read: keyof typeof PER_MS,
  { local, remote }: BothSides<Pick<MailboxSession, "roundTripMs">>,
): boolean {
  const roundTripMs = Math.max(local.roundTripMs, remote.roundTripMs);
  return isFar({ roundTripMs }) && Math.max(messages.local, messages.remote) <= PER_MS[read] * roundTripMs;
}

/** What distinguishes the messages of one side, and the flags that they had then. */
export interface NamedMessages {
  readonly evidence: Evidence;
  readonly flags: AgreementLog;
}

/**
 * The messages of the selected mailbox among `uids`, by their headers. Keys: of a message that its header names the
 * naming fields, with its size as the detail; of another one these fields and its size, as weak evidence. In either the
 * line that mbsync added does not count.
 */
export async function readHeaders(
  session: MailboxSession,
  uids: UidSet,
  key: FingerprintKey,
): Promise<NamedMessages> {
  const evidence = new Evidence(uids);
  const flags = new AgreementLog();
  const fingerprinter = new Fingerprinter(key);
  const reader = new FieldReader(NAMING_FIELDS);
  const note = ({ uid, flags: now, rfc822Size }: FetchItems, header: Uint8Array | null): void => {
    if (uid === null || now === null || rfc822Size === null) return;
    flags.set(uid, now);
    const fields = reader.read(header ?? NO_OCTETS);
    const size = rfc822Size - (findMbsyncLine(header ?? NO_OCTETS) < 0 ? 0 : MBSYNC_LINE_OCTETS);
    const strong = PROVING_FIELDS.every((field) => reader.has(field));
    if (!strong) fingerprinter.updateText(`${size}\n`);
    fingerprinter.update(fields);
    // One without octets can be neither copied nor told from another.
    evidence.set(uid, fingerprinter.finish(), size, rfc822Size === 0 ? "unknown" : strong ? "strong" : "weak");
  };
  await eachHeader(session, uids, HEADER_ITEMS, note);
  return { evidence, flags };
}

/**
 * The Message-IDs of the messages of the selected mailbox among `uids`, as keys: a tenth of what readHeaders() reads, and
 * enough to know that two messages are not the same. Details: 1 where mbsync added its line, else 0.
 */
export async function readMessageIds(session: MailboxSession, uids: UidSet, key: FingerprintKey): Promise<Evidence> {
  return (await readIds(session, uids, key, "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID X-TUID)])")).messageIds;
}

/** Their sizes, and their Message-IDs as keys. */
export async function readSizesAndIds(session: MailboxSession, uids: UidSet, key: FingerprintKey): Promise<Sizes> {
  return (await readIds(session, uids, key, "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")).sizes;
}

async function readIds(
  session: MailboxSession,
  uids: UidSet,
  key: FingerprintKey,
  items: string,
): Promise<{ readonly sizes: Sizes; readonly messageIds: Evidence }> {
  const messageIds = new Evidence(uids);
  const sizes = new Sizes(uids.size, messageIds);
  const fingerprinter = new Fingerprinter(key);
  const reader = new FieldReader(["MESSAGE-ID"]);
  await eachHeader(session, uids, items, ({ uid, rfc822Size }, header) => {
    if (uid === null) return;
    if (rfc822Size !== null) sizes.set(uid, rfc822Size);
    if (header === null) return;
    fingerprinter.update(reader.read(header));
    messageIds.set(uid, fingerprinter.finish(), findMbsyncLine(header) < 0 ? 0 : 1, "weak");
  });
  return { sizes, messageIds };
}

/** Calls `note` for each message with what was sent of its header, or null. The octets are valid until it returns. */
async function eachHeader(
  session: MailboxSession,
  uids: UidSet,
  items: string,
  note: (items: FetchItems, header: Uint8Array | null) => void,
): Promise<void> {
  await inSlices(uids, (slice) => {
    const head = new Head();
    let told = false;
    return fetchExisting(session, slice, items, {
      bodies: {
        begin: (_known, _section, octets) => {
          head.clear();
          told = octets !== null;
        },
        data: (bytes) => void head.take(bytes),
        end: () => {},
      },
      message: (items) => {
        note(items, told ? head.octets : null);
        // What is said of another message without its header must not be given this one.
        told = false;
      },
    });
  });
}

/** The sizes of the messages of the selected mailbox among `uids`, of so many at most. */
export async function readSizes(session: MailboxSession, uids: UidSet, limit: number = uids.size): Promise<Sizes> {
  const sizes = new Sizes(limit);
  await fetchExisting(session, uids, "(UID RFC822.SIZE)", {
    message: ({ uid, rfc822Size }) => {
      if (uid !== null && rfc822Size !== null) sizes.set(uid, rfc822Size);
    },
  });
  return sizes;
}

/** The same by the digest of all their octets, without the line that mbsync added. Details: INTERNALDATE in seconds. */
export async function readBodies(session: MailboxSession, uids: UidSet, key: FingerprintKey): Promise<Evidence> {
  const evidence = new Evidence(uids);
  await inSlices(uids, (slice) => {
    const body = new BodyDigest(key);
    return fetchExisting(session, slice, BODY_ITEMS, {
      bodies: {
        begin: (_known, _section, octets) => body.begin(octets !== null),
        data: (bytes) => body.update(bytes),
        end: () => {},
      },
      message: ({ uid, internalDate }) => {
        const fingerprint = body.finish();
        if (uid !== null && fingerprint !== null) evidence.set(uid, fingerprint, internalDate?.seconds ?? 0, "weak");
      },
    });
  });
  return evidence;
}

/** The beginning of what comes in pieces. */
class Head {
  #buffer = new Uint8Array(4096);
  #filled = 0;

  get octets(): Uint8Array {
    return this.#buffer.subarray(0, this.#filled);
  }

  clear(): void {
    this.#filled = 0;
  }

  /** Keeps what there is room for; returns the rest. */
  take(bytes: Uint8Array): Uint8Array {
    const taken = bytes.subarray(0, MAX_HEADER_OCTETS - this.#filled);
    const needed = this.#filled + taken.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(MAX_HEADER_OCTETS, Math.max(needed, 2 * this.#buffer.length)));
      grown.set(this.octets);
      this.#buffer = grown;
    }
    this.#buffer.set(taken, this.#filled);
    this.#filled = needed;
    return bytes.subarray(taken.length);
  }
}

/** Of one body after the other: holds the header until it can be seen whether mbsync was there; the rest passes through. */
class BodyDigest {
  readonly #head = new Head();
  readonly #fingerprinter: Fingerprinter;
  /** "none": no body has begun. */
  #phase: "none" | "head" | "rest" = "none";

  constructor(key: FingerprintKey) {
    this.#fingerprinter = new Fingerprinter(key);
  }

  /** `exists`: false for a message that is gone or unreadable. */
  begin(exists: boolean): void {
    this.finish();
    this.#phase = exists ? "head" : "none";
  }

  update(bytes: Uint8Array): void {
    if (this.#phase === "rest") return this.#fingerprinter.update(bytes);
    const rest = this.#head.take(bytes);
    if (rest.length === 0) return;
    this.#finishHead();
    this.#fingerprinter.update(rest);
  }

  /** Null when there was no body. */
  finish(): Fingerprint | null {
    const phase = this.#phase;
    if (phase === "head") this.#finishHead();
    this.#phase = "none";
    this.#head.clear();
    return phase === "none" ? null : this.#fingerprinter.finish();
  }

  #finishHead(): void {
    this.#phase = "rest";
    const { octets } = this.#head;
    const line = findMbsyncLine(octets);
    if (line < 0) return this.#fingerprinter.update(octets);
    this.#fingerprinter.update(octets.subarray(0, line));
    this.#fingerprinter.update(octets.subarray(line + MBSYNC_LINE_OCTETS));
  }
}

/** One slice is being sent by the server while the answer to the one before is read. */
async function inSlices(uids: UidSet, read: (slice: UidSet) => Promise<void>): Promise<void> {
  let before = Promise.resolve();
  for (const slice of uids.slices(MAX_SLICE_MESSAGES)) {
    const current = read(slice);
    // Seen when it is its turn, or not at all when the one before has failed.
    current.catch(() => {});
    await before;
    before = current;
  }
  await before;
}
