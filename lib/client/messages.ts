// What can be asked of messages, by UID: SEARCH, FETCH, STORE, EXPUNGE (RFC 9051 6.4, 7162 3.1, 4315) and APPEND (3502).
// A set of UIDs that is too long for one line becomes several commands, sent at once. An answer counts only while the
// server speaks of the mailbox that the command was sent for: other SELECTs may be in the same flight. For Session, whose
// methods these are; why they are asked is not known.

import {
  append,
  type AppendMessage,
  type Data,
  type FetchItems,
  type FlagSet,
  type ModSeq,
  uidExpunge,
  uidFetch,
  uidSearch,
  UidSet,
  UidSetBuilder,
  uidStore,
} from "../protocol/mod.ts";
import { bound, MAX_UID_RANGES } from "./bounds.ts";
import type { Request } from "./request.ts";
import type { Session } from "./session.ts";
import type { Appending, FetchHandler, Stored } from "./session_types.ts";

/** Longest UID set in one command; Dovecot 2.3.4 fails on longer lines. */
const MAX_SET_OCTETS = 4096;

/** Whether the server speaks of the mailbox that was selected last when this was called. */
function inSelection(session: Session): () => boolean {
  const selected = session.target;
  return () => session.isAbout(selected);
}

/** See `Session.search()`. `answered` is called at each answer, before what follows it is looked at. */
export async function searchMessages(session: Session, uids: UidSet, answered: () => void): Promise<UidSet> {
  const esearch = session.capabilities.has("ESEARCH");
  const isOurs = inSelection(session);
  let found = UidSet.empty;
  const runs = [...uids.chunks(MAX_SET_OCTETS)].map((part) => {
    const claim = (data: Data, tag: string): boolean => {
      const told = answerOf(data, tag);
      if (told === null || !isOurs()) return false;
      // Without a tag it may answer another search: then too, what it names exists.
      found = found.union(told.intersect(part));
      bound(found.bounds.length / 2, MAX_UID_RANGES, "ranges of UIDs", session.component);
      answered();
      return true;
    };
    return session.run(uidSearch(part, esearch), { claim });
  });
  await Promise.all(runs);
  return found;
}

/** What a response says is there, to the search with this tag, as far as it can be told; null: it is not for it. */
function answerOf(data: Data, tag: string): UidSet | null {
  if (data.kind === "search") return data.numbers;
  if (data.kind !== "esearch" || (data.tag !== null && data.tag !== tag)) return null;
  return data.all ?? UidSet.empty;
}

/** See `Session.fetch()`. */
export async function fetchMessages(
  session: Session,
  uids: UidSet,
  items: string,
  handler: FetchHandler,
): Promise<void> {
  const isOurs = inSelection(session);
  const runs = [...uids.chunks(MAX_SET_OCTETS)].map((part) => {
    const mine = (known: FetchItems): boolean => known.uid !== null && part.has(known.uid) && isOurs();
    const request: Omit<Request, "command"> = {
      claim: (data) => {
        if (data.kind !== "fetch" || !mine(data.items)) return false;
        handler.message?.(data.items);
        return true;
      },
    };
    const { bodies } = handler;
    return session.run(
      uidFetch(part, items),
      bodies === undefined ? request : {
        ...request,
        bodies: { accepts: mine, begin: bodies.begin, data: bodies.data, end: bodies.end },
      },
    );
  });
  await Promise.all(runs);
}

/** See `Session.store()`. */
export async function storeFlags(
  session: Session,
  uids: UidSet,
  flags: FlagSet,
  unchangedSince: ModSeq,
): Promise<Stored> {
  const reported = new UidSetBuilder();
  const isOurs = inSelection(session);
  let refused = UidSet.empty;
  const runs = [...uids.chunks(MAX_SET_OCTETS)].map(async (part) => {
    const command = uidStore(part, { mode: "replace", flags: flags.flags, unchangedSince });
    const status = await session.connection.submit({ command, claim: reportedIn(part, reported, flags, isOurs) }).done;
    if (status.code?.code === "MODIFIED") refused = refused.union(status.code.uids.intersect(part));
    else session.expectOk(command, status);
  });
  await Promise.all(runs);
  return { reported: reported.build(), refused };
}

/** A claim for the FETCH responses that a STORE causes; one with other flags tells of somebody else's change. */
function reportedIn(
  uids: UidSet,
  reported: UidSetBuilder,
  wanted: FlagSet | null,
  isOurs: () => boolean,
): (data: Data) => boolean {
  return (data) => {
    if (data.kind !== "fetch" || !isOurs()) return false;
    const { uid, flags, modSeq } = data.items;
    if (uid === null || !uids.has(uid)) return false;
    if (modSeq !== null && (flags === null || flags.key === wanted?.key)) reported.add(uid);
    return true;
  };
}

/** See `Session.expunge()`. */
export async function expungeMessages(session: Session, uids: UidSet): Promise<UidSet> {
  const gone = new UidSetBuilder();
  const isOurs = inSelection(session);
  const runs = [...uids.chunks(MAX_SET_OCTETS)].flatMap((part) => {
    const mark = uidStore(part, { mode: "add", flags: ["\\Deleted"], unchangedSince: null });
    return [
      session.run(mark, { claim: reportedIn(part, new UidSetBuilder(), null, isOurs) }),
      session.run(uidExpunge(part), {
        claim: (data) => {
          if (data.kind !== "vanished" || data.earlier || !isOurs()) return false;
          gone.addAll(data.uids.intersect(part));
          return true;
        },
      }),
    ];
  });
  await Promise.all(runs);
  return gone.build();
}

/** See `Session.append()`. */
export function appendMessages(
  session: Session,
  mailbox: string,
  messages: readonly AppendMessage[],
  pump: Request["pump"],
): Appending {
  const command = append(mailbox, messages);
  const sent = session.connection.submit(pump === undefined ? { command } : { command, pump });
  const done = sent.done.then((status) => {
    const { code } = session.expectOk(command, status);
    return code?.code === "APPENDUID" ? { uidValidity: code.uidValidity, uids: code.uids } : null;
  });
  done.catch(() => {});
  return { written: sent.written, done };
}
