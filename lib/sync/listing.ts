// Lists the mailboxes of both servers, finds the delimiters, and gives every mailbox its internal name. What lies outside
// of what the configuration asks for is not seen by the rest of the program. What to do with the lists others decide.
// RFC 9051 6.3.9, RFC 5258.

import type { ListEntry, Session } from "../client/mod.ts";
import { ProtocolError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type StatusItems, toWire } from "../protocol/mod.ts";
import type { MailboxRow } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { type ListedMailbox, otherSide, type Side } from "./model.ts";
import {
  checkNamespaces,
  chooseDelimiter,
  delimiterProblems,
  internalName,
  internalPattern,
  matchesAny,
  nameProblem,
  type Naming,
  serverName,
} from "./namespace.ts";

/** Never MAILBOXID: Cyrus 3.6.1 answers it in LIST with garbage. */
const STATUS_ITEMS = ["MESSAGES", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"];

/** Names in one LIST that asks for mailboxes by their names. */
const MAX_NAMES = 50;

/** Which part of the servers the configuration asks for. */
export interface MailboxView {
  /** What stands before every name on a server, and on no other; mostly "". */
  readonly references: BothSides<string>;
  /** Patterns of LIST with NUL, or the local server's delimiter, between the levels; null: everything. */
  readonly patterns: readonly string[] | null;
  /** Selection options of LIST, upper case. */
  readonly selection: readonly string[];
  /** Internal names that are left alone; null: none. */
  readonly ignored: RegExp | null;
}

/** Everything that is on the servers. */
export const WHOLE_VIEW: MailboxView = {
  references: { local: "", remote: "" },
  patterns: null,
  selection: [],
  ignored: null,
};

/** A mailbox of one server, by its internal name. */
export interface Listed extends ListedMailbox {
  readonly status: StatusItems | null;
  /** \Trash or \Junk (RFC 6154): emptying it is what it is for. */
  readonly disposable: boolean;
}

export interface Listing {
  readonly delimiters: BothSides<string | null>;
  /** How the servers spell names, see `serverName()`. */
  readonly naming: BothSides<Naming>;
  readonly mailboxes: BothSides<ReadonlyMap<string, Listed>>;
  /** Internal names that the configuration asks for, on either side; null: all that were listed. */
  readonly selected: ReadonlySet<string> | null;
  /** Mailboxes that were left out, and were reported. */
  readonly problems: number;
  /** Whether an internal name is in the view, as far as names tell. */
  readonly covers: (mailbox: string) => boolean;
  readonly view: MailboxView;
}

/**
 * Makes the sessions ready and lists `names`, as the user spells them for the local server; without names, what the view
 * asks for. What the user names is never ignored. `begun`: lists of everything that were asked for already.
 * @throws ProtocolError when the servers' namespaces don't fit; MailboxError when a pattern has levels and they have none
 */
export async function listMailboxes(
  sessions: BothSides<Session>,
  names: readonly string[],
  log: Logger,
  view: MailboxView = WHOLE_VIEW,
  begun: (side: Side) => Promise<readonly ListEntry[]> | null = () => null,
): Promise<Listing> {
  const { references, selection } = view;
  const patterns = names.length > 0 ? names : view.patterns;
  const asked = patterns === null ? null : await onBothSides((side) => prepare(sessions[side], references[side]));
  const entries = await onBothSides(async (side) => {
    const [session, reference] = [sessions[side], references[side]];
    if (asked === null) return await (begun(side) ?? listEverything(session, reference, selection));
    const spelled = (patterns ?? []).map((pattern) => patternFor(side, pattern, asked));
    return inside(await session.list(spelled, STATUS_ITEMS, { reference, selection }), reference);
  });
  const delimiters = asked ?? await onBothSides(async (side) => {
    const choice = chooseDelimiter(entries[side]);
    return choice.kind === "known" ? choice.delimiter : await sessions[side].listDelimiter(references[side]);
  });
  const refusal = checkNamespaces(delimiters.local, delimiters.remote);
  if (refusal !== null) throw new ProtocolError(refusal);
  const naming = {
    local: { reference: references.local, delimiter: delimiters.local },
    remote: { reference: references.remote, delimiter: delimiters.remote },
  };
  const ignored = names.length > 0 ? null : view.ignored;
  const internalPatterns = patterns?.map((pattern) => internalPattern(pattern, delimiters.local)) ?? null;
  const covers = (mailbox: string) =>
    ignored?.test(mailbox) !== true && (internalPatterns === null || matchesAny(mailbox, internalPatterns));
  const [local, remote] = SIDES.map((side) => usableMailboxes(side, entries[side], naming, ignored, log));
  const mailboxes = { local: local?.mailboxes ?? new Map(), remote: remote?.mailboxes ?? new Map() };
  const selected = selection.length === 0 ? null : new Set([...mailboxes.local.keys(), ...mailboxes.remote.keys()]);
  const problems = (local?.problems ?? 0) + (remote?.problems ?? 0);
  return { delimiters, naming, mailboxes, selected, problems, covers, view };
}

/**
 * Makes a session ready, and lists all that there is below a reference. `asksDelimiter`: in the same flight for the
 * delimiter, too, which INBOX does not tell.
 */
export async function listEverything(
  session: Session,
  reference: string,
  selection: readonly string[],
  asksDelimiter = false,
): Promise<readonly ListEntry[]> {
  const enabling = session.enableQresync();
  if (asksDelimiter) session.listDelimiter(reference).catch(() => {});
  const [listed] = await Promise.all([session.list(["*"], STATUS_ITEMS, { reference, selection }), enabling]);
  return inside(listed, reference);
}

/** A pattern may break out of the reference, and a server may take it for a mere hint. */
function inside(entries: readonly ListEntry[], reference: string): readonly ListEntry[] {
  return entries.filter(({ mailbox }) => mailbox.startsWith(reference));
}

/**
 * Selection options hide mailboxes that exist: one that is unsubscribed on one side only must not look as if it had been
 * deleted there, and a parent listed for its children comes without STATUS. Such mailboxes are asked for by their names:
 * those that one side listed and the other did not, and those that were subscribed on both sides at the last run, so that
 * unsubscribing on both becomes known. Nothing is asked when both lists are complete, or without such options.
 */
export async function completeListing(
  sessions: BothSides<Session>,
  listing: Listing,
  rows: readonly MailboxRow[],
  log: Logger,
): Promise<Listing> {
  const { selected, naming, view, covers } = listing;
  if (selected === null) return listing;
  const wanted = new Set(selected);
  if (view.selection.includes("SUBSCRIBED")) {
    for (const { mailbox, subscribed } of rows) if (subscribed && covers(mailbox)) wanted.add(mailbox);
  }
  const found = await onBothSides(async (side) => {
    const missing = [...wanted].filter((mailbox) => isUncertain(listing.mailboxes[side].get(mailbox)));
    const entries = await listByName(sessions[side], missing.map((mailbox) => serverName(mailbox, naming[side])), view);
    return usableMailboxes(side, entries, naming, null, log);
  });
  return {
    ...listing,
    mailboxes: {
      local: new Map([...listing.mailboxes.local, ...found.local.mailboxes]),
      remote: new Map([...listing.mailboxes.remote, ...found.remote.mailboxes]),
    },
    problems: listing.problems + found.local.problems + found.remote.problems,
  };
}

function isUncertain(listed: Listed | undefined): boolean {
  return listed === undefined || (!listed.exists && listed.status === null);
}

async function listByName(
  session: Session,
  names: readonly string[],
  view: MailboxView,
): Promise<readonly ListEntry[]> {
  const selection = view.selection.filter((option) => option === "REMOTE");
  const wanted = new Set(names);
  const entries: ListEntry[] = [];
  for (let start = 0; start < names.length; start += MAX_NAMES) {
    const listed = await session.list(names.slice(start, start + MAX_NAMES), STATUS_ITEMS, { selection });
    // A name with a wildcard in it finds others.
    entries.push(...listed.filter(({ mailbox }) => wanted.has(mailbox)));
  }
  return entries;
}

async function prepare(session: Session, reference: string): Promise<string | null> {
  const [, delimiter] = await Promise.all([session.enableQresync(), session.listDelimiter(reference)]);
  return delimiter;
}

/** Patterns are spelled for the local server, or with NUL for the delimiter. @throws MailboxError */
function patternFor(side: Side, pattern: string, delimiters: BothSides<string | null>): string {
  return toWire(internalPattern(pattern, delimiters.local), delimiters[side]);
}

interface Usable {
  readonly mailboxes: ReadonlyMap<string, Listed>;
  readonly problems: number;
}

function usableMailboxes(
  side: Side,
  entries: readonly ListEntry[],
  naming: BothSides<Naming>,
  ignored: RegExp | null,
  log: Logger,
): Usable {
  const [own, other] = [naming[side], naming[otherSide(side)]];
  const problems = new Map(delimiterProblems(entries, own.delimiter).map(({ mailbox, text }) => [mailbox, text]));
  const mailboxes = new Map<string, Listed>();
  const reported = new Set<string>();
  for (const { mailbox, attributes, status } of entries) {
    const internal = internalName(mailbox, own);
    if (internal === null || ignored?.test(internal) === true) continue;
    const problem = problems.get(mailbox) ?? nameProblem(mailbox, internal, own, other);
    if (problem !== null) {
      if (!reported.has(mailbox)) log.with({ component: side }).error(problem);
      reported.add(mailbox);
      continue;
    }
    mailboxes.set(internal, {
      mailbox: internal,
      // A Maildir mailbox that was deleted but has children is listed without \NoSelect: only STATUS tells.
      exists: status !== null && !attributes.includes("\\nonexistent") && !attributes.includes("\\noselect"),
      subscribed: attributes.includes("\\subscribed"),
      status,
      disposable: attributes.includes("\\trash") || attributes.includes("\\junk"),
    });
  }
  return { mailboxes, problems: reported.size };
}
