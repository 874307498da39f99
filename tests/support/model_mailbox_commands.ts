// The commands of the model server that concern mailboxes: LIST with its extensions, STATUS, CREATE and its kin, SELECT
// with QRESYNC (RFC 9051 6.3, RFC 5258, 5819, 7162 3.2.5). Answers as Dovecot 2.3.19 does.

import { type Answer, type Execute, no } from "./model_answer.ts";
import type { ModelMailbox } from "./model_mailstore.ts";
import { astring, atom, BadSyntax, list, type Token } from "./model_parser.ts";
import type { ModelSession } from "./model_session.ts";
import { expandSet, foldInbox, formatSet, inSet, parseSet, quoteName, type Range } from "./model_values.ts";
import { MailboxView } from "./model_view.ts";

const ALL_UIDS: readonly Range[] = [[1, 4294967295]];

export const mailboxCommands: readonly (readonly [string, Execute])[] = [
  ["LIST", listMailboxes],
  ["STATUS", (session, [name, items]) => {
    const mailbox = session.mailbox(astring(name), null);
    session.line(statusLine(foldInbox(astring(name)), mailbox, list(items).map(atom), session.server.lies.appendLimit));
    return session.view?.mailbox === mailbox
      ? { code: "CLIENTBUG", text: "Status on selected mailbox completed." }
      : { text: "Status completed." };
  }],
  ["CREATE", (session, [name]) => {
    const { store } = session.server;
    const wanted = astring(name);
    const { delimiter } = store;
    if (wanted.startsWith(delimiter) || wanted.includes(delimiter + delimiter)) no("CANNOT", "Invalid mailbox name");
    const made = store.create(wanted.endsWith(delimiter) ? wanted.slice(0, -1) : wanted);
    const text = "Create completed.";
    return session.server.has("OBJECTID") ? { code: `MAILBOXID (${made.mailboxId})`, text } : { text };
  }],
  ["DELETE", (session, [name]) => {
    session.server.store.delete(astring(name));
    return { text: "Delete completed." };
  }],
  ["RENAME", (session, [from, to]) => {
    session.server.store.rename(astring(from), astring(to));
    return { text: "Rename completed." };
  }],
  ["SUBSCRIBE", (session, [name]) => {
    const wanted = astring(name);
    session.mailbox(wanted, null);
    session.server.store.subscribe(wanted, true);
    return { text: "Subscribe completed." };
  }],
  ["UNSUBSCRIBE", (session, [name]) => {
    session.server.store.subscribe(astring(name), false);
    return { text: "Unsubscribe completed." };
  }],
  ["SELECT", (session, args) => select(session, args, false)],
  ["EXAMINE", (session, args) => select(session, args, true)],
  ["UNSELECT", (session) => {
    if (session.selected !== null) session.view = null;
    return { text: "Unselect completed." };
  }],
  ["CLOSE", (session) => {
    const { mailbox, readOnly } = session.selected;
    if (!readOnly) mailbox.expunge(mailbox.messages.filter(isDeleted).map(({ uid }) => uid));
    session.view = null;
    return { text: "Close completed." };
  }],
];

export function isDeleted(message: { readonly flags: readonly string[] }): boolean {
  return message.flags.includes("\\Deleted");
}

// ---- LIST

interface Wanted {
  readonly subscribedOnly: boolean;
  readonly subscriptions: boolean;
  readonly children: boolean;
  readonly specialUse: boolean;
  readonly status: readonly string[] | null;
}

function listMailboxes(session: ModelSession, args: readonly Token[]): Answer {
  const rest = [...args];
  const [first] = rest;
  const selection = first?.kind === "list" ? list(rest.shift()).map((item) => atom(item).toUpperCase()) : [];
  const reference = astring(rest.shift());
  const patternToken = rest.shift();
  const patterns = patternToken?.kind === "list" ? patternToken.items.map(astring) : [astring(patternToken)];
  const isExtended = first?.kind === "list" || patternToken?.kind === "list" || rest.length > 0;
  if (isExtended && !session.server.has("LIST-EXTENDED")) throw new BadSyntax("LIST-EXTENDED was not offered");
  const { store } = session.server;
  if (patterns.length === 1 && patterns[0] === "") {
    session.line(`* LIST (\\Noselect) "${store.delimiter}" ""`);
    return { text: "List completed." };
  }
  const wanted = { ...returnOptions(session, rest, isExtended), subscribedOnly: selection.includes("SUBSCRIBED") };
  const names = new Set([...store.names, ...store.parents, ...(wanted.subscribedOnly ? store.subscribed : [])]);
  for (const name of names) {
    if (!patterns.some((pattern) => matches(name, reference + pattern, store.delimiter))) continue;
    if (wanted.subscribedOnly && !store.subscribed.has(name)) continue;
    listOne(session, name, wanted);
  }
  return { text: "List completed." };
}

function returnOptions(session: ModelSession, rest: Token[], isExtended: boolean): Omit<Wanted, "subscribedOnly"> {
  if (rest.length === 0) {
    return { subscriptions: false, children: !isExtended, specialUse: false, status: null };
  }
  if (atom(rest[0]).toUpperCase() !== "RETURN") throw new BadSyntax("RETURN was expected");
  const items = list(rest[1]);
  const names = items.map((item) => item.kind === "atom" ? item.text.toUpperCase() : "");
  const at = names.indexOf("STATUS");
  if (at >= 0 && !session.server.has("LIST-STATUS")) throw new BadSyntax("LIST-STATUS was not offered");
  const specialUse = names.includes("SPECIAL-USE");
  if (specialUse && !session.server.has("SPECIAL-USE")) throw new BadSyntax("SPECIAL-USE was not offered");
  return {
    specialUse,
    subscriptions: names.includes("SUBSCRIBED"),
    children: names.includes("CHILDREN"),
    status: at < 0 ? null : list(items[at + 1]).map(atom),
  };
}

function listOne(session: ModelSession, name: string, wanted: Wanted): void {
  const { store } = session.server;
  const mailbox = store.find(name);
  const attributes: string[] = [];
  if (store.subscribed.has(name) && (wanted.subscriptions || wanted.subscribedOnly)) attributes.push("\\Subscribed");
  if (mailbox === null) attributes.push(store.parents.includes(name) ? "\\Noselect" : "\\NonExistent");
  const use = store.specialUse.get(name);
  if (wanted.specialUse && use !== undefined) attributes.push(use);
  if (wanted.children) {
    const below = `${name}${store.delimiter}`;
    attributes.push(store.names.some((other) => other.startsWith(below)) ? "\\HasChildren" : "\\HasNoChildren");
  }
  session.line(`* LIST (${attributes.join(" ")}) "${store.delimiter}" ${quoteName(name)}`);
  if (wanted.status !== null && mailbox !== null) session.line(statusLine(name, mailbox, wanted.status));
}

function matches(name: string, pattern: string, delimiter: string): boolean {
  const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const level = `[^${escape(delimiter)}]*`;
  const source = [...pattern].map((char) => char === "*" ? ".*" : char === "%" ? level : escape(char)).join("");
  return new RegExp(`^${source}$`, "s").test(name) || (name === "INBOX" && new RegExp(`^${source}$`, "i").test(name));
}

export function statusLine(name: string, mailbox: ModelMailbox, items: readonly string[], appendLimit = 0): string {
  const values = items.map((item) => `${item.toUpperCase()} ${statusValue(mailbox, item.toUpperCase(), appendLimit)}`);
  return `* STATUS ${quoteName(name)} (${values.join(" ")})`;
}

function statusValue(mailbox: ModelMailbox, item: string, appendLimit: number): string {
  switch (item) {
    case "MESSAGES":
      return `${mailbox.count}`;
    case "UIDNEXT":
      return `${mailbox.uidNext}`;
    case "UIDVALIDITY":
      return `${mailbox.uidValidity}`;
    case "HIGHESTMODSEQ":
      return `${mailbox.highestModSeq}`;
    case "UNSEEN":
      return `${mailbox.messages.filter(({ flags }) => !flags.includes("\\Seen")).length}`;
    case "RECENT":
      return "0";
    case "APPENDLIMIT":
      return `${appendLimit}`;
    case "MAILBOXID":
      return `(${mailbox.mailboxId})`;
    default:
      throw new BadSyntax(`unknown STATUS item ${item}`);
  }
}

// ---- SELECT

interface Resync {
  readonly uidValidity: number;
  readonly modSeq: bigint;
  readonly known: readonly Range[];
  readonly sample: readonly (readonly [seq: number, uid: number])[];
}

function select(session: ModelSession, [name, params]: readonly Token[], examine: boolean): Answer {
  const wanted = foldInbox(astring(name));
  const readOnly = examine || session.server.lies.readOnly.includes(wanted);
  const resync = params === undefined ? null : resyncOf(session, list(params));
  if (session.view !== null) {
    session.view = null;
    if (session.qresync && !session.server.lies.leavesSilently) session.line("* OK [CLOSED] Previous mailbox closed.");
  }
  session.selectRefused = true;
  const mailbox = session.mailbox(wanted, null);
  session.selectRefused = false;
  const { lies } = session.server;
  const view = new MailboxView(wanted, mailbox, readOnly, session.told, lies.permanentFlags);
  for (const line of view.flagLines()) session.line(line);
  session.line(`* ${Math.max(0, mailbox.count + lies.existsOffset)} EXISTS`);
  session.line("* 0 RECENT");
  const unseen = view.messages.findIndex(({ flags }) => !flags.includes("\\Seen"));
  if (unseen >= 0) session.line(`* OK [UNSEEN ${unseen + 1}] First unseen.`);
  session.line(`* OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs valid`);
  session.line(`* OK [UIDNEXT ${mailbox.uidNext}] Predicted next UID`);
  if (lies.noHighestModSeq) session.line("* OK [NOMODSEQ] No permanent mod-sequences");
  else if (session.server.has("CONDSTORE")) session.line(`* OK [HIGHESTMODSEQ ${mailbox.highestModSeq}] Highest`);
  if (session.server.has("OBJECTID")) session.line(`* OK [MAILBOXID (${mailbox.mailboxId})] Ok`);
  if (resync !== null) resynchronize(session, wanted, mailbox, resync);
  session.view = view;
  return readOnly
    ? { code: "READ-ONLY", text: "Examine completed." }
    : { code: "READ-WRITE", text: "Select completed." };
}

function resyncOf(session: ModelSession, params: readonly Token[]): Resync | null {
  const [name, value] = params;
  const kind = atom(name).toUpperCase();
  if (kind === "CONDSTORE") {
    session.condstore = true;
    return null;
  }
  if (kind !== "QRESYNC") throw new BadSyntax(`unknown parameter ${kind}`);
  if (!session.qresync) throw new BadSyntax("QRESYNC is not enabled");
  const [uidValidity, modSeq, ...rest] = list(value);
  const known = rest[0]?.kind === "atom" ? setOf(rest.shift()) : ALL_UIDS;
  const sample = rest[0] === undefined ? [] : sampleOf(list(rest[0]));
  return { uidValidity: Number(atom(uidValidity)), modSeq: BigInt(atom(modSeq)), known, sample };
}

/** A set without "*". @throws BadSyntax */
function setOf(token: Token | undefined): readonly Range[] {
  const text = atom(token);
  const set = text.includes("*") ? null : parseSet(text, 0);
  if (set === null) throw new BadSyntax("a set of numbers was expected");
  return set;
}

function sampleOf(items: readonly Token[]): readonly (readonly [number, number])[] {
  const seqs = expandSet(setOf(items[0]));
  const uids = expandSet(setOf(items[1]));
  if (seqs.length !== uids.length) throw new BadSyntax("a sample of different lengths");
  return seqs.map((seq, i) => [seq, uids[i] ?? 0]);
}

/** What a wrong UIDVALIDITY or a mod-sequence of the future asks for is nothing. */
function resynchronize(session: ModelSession, name: string, mailbox: ModelMailbox, resync: Resync): void {
  if (resync.uidValidity !== mailbox.uidValidity || resync.modSeq > mailbox.highestModSeq) return;
  const vanished = vanishedFor(session, name, mailbox, resync);
  if (vanished.length > 0) session.line(`* VANISHED (EARLIER) ${formatSet(vanished)}`);
  mailbox.messages.forEach(({ uid, flags, modSeq }, index) => {
    if (modSeq <= resync.modSeq || !inSet(resync.known, uid)) return;
    if (modSeq > session.told.byFetch) session.told.byFetch = modSeq;
    session.line(`* ${index + 1} FETCH (UID ${uid} FLAGS (${flags.join(" ")}) MODSEQ (${modSeq}))`);
  });
}

function vanishedFor(session: ModelSession, name: string, mailbox: ModelMailbox, resync: Resync): readonly number[] {
  const { lies } = session.server;
  const gone = lies.expungeLogLost ? allMissing(mailbox, resync) : mailbox.expungedSince(resync.modSeq);
  const claimed = [...gone, ...(lies.vanishedExisting?.(name) ?? [])];
  return [...new Set(claimed)].sort((a, b) => a - b)
    .filter((uid) => inSet(resync.known, uid) && lies.forgetVanished?.(name, uid) !== true);
}

/** Every UID that is not there, above the messages that the client has proven to know (RFC 7162 3.2.5.2). */
function allMissing(mailbox: ModelMailbox, { sample }: Resync): readonly number[] {
  const { messages } = mailbox;
  const proven = sample.filter(([seq, uid]) => messages[seq - 1]?.uid === uid).map(([, uid]) => uid);
  const from = Math.max(0, ...proven) + 1;
  const missing: number[] = [];
  for (let uid = from; uid < mailbox.uidNext; uid++) if (mailbox.get(uid) === null) missing.push(uid);
  return missing;
}
