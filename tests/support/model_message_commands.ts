// The commands of the model server that concern messages: APPEND, UID FETCH, STORE, SEARCH, EXPUNGE, COPY, MOVE and
// their sequence-number variants (RFC 9051 6.4, RFC 3502, 4315, 4731, 7162). Answers as Dovecot 2.3.19 does.

import { type Answer, type Execute, no } from "./model_answer.ts";
import { isDeleted } from "./model_mailbox_commands.ts";
import type { FlagChange, ModelMessage, NewModelMessage } from "./model_mailstore.ts";
import { astring, atom, BadSyntax, list, octets, type RawCommand, type Token } from "./model_parser.ts";
import { fetchLine } from "./model_fetch.ts";
import { search } from "./model_search.ts";
import type { Lies } from "./model_options.ts";
import type { ModelSession } from "./model_session.ts";
import { canonicalFlag, flagList, foldInbox, formatSet, inSet, merged, parseDate, parseSet } from "./model_values.ts";

const DEFAULT_NOW = 1_800_000_000;
const MAX_UID = 4294967295;
/** RFC 7888 4: what LITERAL- allows without asking. */
const LITERAL_MINUS_OCTETS = 4096;

export const messageCommands: readonly (readonly [string, Execute])[] = [
  ["APPEND", append],
  ["FETCH", (session, args) => fetch(session, args, false)],
  ["UID FETCH", (session, args) => fetch(session, args, true)],
  ["STORE", (session, args) => store(session, args, false)],
  ["UID STORE", (session, args) => store(session, args, true)],
  ["SEARCH", (session, args, command) => search(session, args, command, false)],
  ["UID SEARCH", (session, args, command) => search(session, args, command, true)],
  ["EXPUNGE", (session) => expunge(session, session.selected.mailbox.messages)],
  ["UID EXPUNGE", (session, [set]) => {
    if (!session.server.has("UIDPLUS")) throw new BadSyntax("UIDPLUS was not offered");
    return expunge(session, targets(session, set, true));
  }],
  ["COPY", (session, args) => copy(session, args, false, false)],
  ["UID COPY", (session, args) => copy(session, args, true, false)],
  ["MOVE", (session, args) => copy(session, args, false, true)],
  ["UID MOVE", (session, args) => copy(session, args, true, true)],
];

/** The messages of the view that a set names. */
export function targets(session: ModelSession, set: Token | undefined, byUid: boolean): readonly ModelMessage[] {
  const { messages, lastUid } = session.selected;
  const ranges = parseSet(atom(set), byUid ? lastUid : messages.length);
  if (ranges === null) throw new BadSyntax("a set of numbers was expected");
  if (byUid) {
    return merged(ranges).flatMap(([first, last]) => messages.slice(from(messages, first), from(messages, last + 1)));
  }
  if (ranges.some(([first, last]) => first < 1 || last > messages.length)) throw new BadSyntax("Invalid messageset");
  return merged(ranges).flatMap(([first, last]) => messages.slice(first - 1, last));
}

/** Where the first message with this UID or a higher one is, or would be. */
function from(messages: readonly ModelMessage[], uid: number): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.uid ?? Infinity) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

// ---- APPEND

/** Whether a literal is refused before, or instead of, being read. */
export function refuseLiteral(session: ModelSession, command: RawCommand, size: number, sync: boolean): string | null {
  const { server } = session;
  if (!sync && !server.has("LITERAL+")) {
    if (!server.has("LITERAL-")) session.violation(`${command.name}: a literal that was not asked for`);
    else if (size > LITERAL_MINUS_OCTETS) session.violation(`${command.name}: a literal that is too long for LITERAL-`);
  }
  if (command.name !== "APPEND") return null;
  const name = /^\S+ \S+ ("(?:[^"\\]|\\.)*"|\S+)/.exec(command.texts[0] ?? "")?.[1];
  if (name !== undefined) {
    const mailbox = name.startsWith('"') ? name.slice(1, -1).replace(/\\(.)/g, "$1") : name;
    if (server.store.find(mailbox) === null) return `NO [TRYCREATE] Mailbox doesn't exist: ${mailbox}`;
  }
  return size > server.lies.maxMessageOctets ? "NO [TOOBIG] Message too large." : null;
}

function append(session: ModelSession, args: readonly Token[]): Answer {
  const { server } = session;
  const [name, ...rest] = args;
  const mailbox = session.mailbox(astring(name), "TRYCREATE");
  const now = (server.options.now ?? (() => DEFAULT_NOW))();
  if (server.lies.readOnly.includes(foldInbox(astring(name)))) no("NOPERM", "Permission denied");
  const messages = appended(rest, now, server.lies);
  if (messages.length > 1 && !server.has("MULTIAPPEND")) throw new BadSyntax("MULTIAPPEND was not offered");
  for (const { body } of messages) {
    if (body.length === 0) no(null, "Can't save a zero byte message.");
    const refusal = server.lies.refuseAppend?.(body) ?? null;
    if (refusal?.startsWith("BAD ") === true) throw new BadSyntax(refusal.slice("BAD ".length));
    if (refusal !== null) no(null, refusal);
  }
  const uids = mailbox.append(messages.map((message) => ({ ...message, flags: mailbox.storable(message.flags) })));
  const text = "Append completed.";
  if (server.lies.noAppendUid || !server.has("UIDPLUS")) return { text };
  return { code: `APPENDUID ${mailbox.uidValidity} ${formatSet(uids)}`, text };
}

function appended(args: readonly Token[], now: number, lies: Lies): readonly NewModelMessage[] {
  const rest = [...args];
  const messages: NewModelMessage[] = [];
  do {
    const flags = rest[0]?.kind === "list" ? flagsOf(list(rest.shift()), lies) : [];
    const given = rest[0]?.kind === "string" && rest.length > 1 ? parseDate(astring(rest.shift())) : undefined;
    if (given === null) throw new BadSyntax("Invalid internal date");
    const isFuture = given !== undefined && given.seconds > now && lies.replacesFutureDates;
    messages.push({
      flags,
      date: given === undefined || isFuture ? { seconds: now, zone: 0 } : given,
      body: octets(rest.shift()),
    });
  } while (rest.length > 0);
  return messages;
}

function flagsOf(items: readonly Token[], lies: Lies): readonly string[] {
  const flags = flagList(items.map((item) => {
    const word = atom(item);
    const flag = canonicalFlag(word);
    if (flag === null && word.startsWith("\\")) throw new BadSyntax(`Invalid system flag ${word}`);
    if (lies.refusedKeywords.includes(word)) no("CANNOT", `Invalid keyword ${word}`);
    return flag ?? no("CANNOT", "Invalid characters in keyword");
  }));
  return flags.filter((flag) => lies.permanentFlags?.includes(flag) !== false);
}

// ---- FETCH

function fetch(session: ModelSession, args: readonly Token[], byUid: boolean): Answer {
  const [set, what, modifiers] = args;
  const { since, vanished } = fetchModifiers(modifiers);
  const items = (what?.kind === "list" ? what.items : [what]).map((item) => atom(item));
  if (since !== null || items.some((item) => item.toUpperCase() === "MODSEQ")) session.condstore = true;
  const view = session.selected;
  if (vanished && since !== null) {
    const ranges = parseSet(atom(set), MAX_UID) ?? [];
    const gone = view.mailbox.expungedSince(since).filter((uid) => inSet(ranges, uid));
    if (gone.length > 0) session.line(`* VANISHED (EARLIER) ${formatSet(gone)}`);
  }
  let missing = false;
  let at = -1;
  for (const message of targets(session, set, byUid)) {
    if (since !== null && message.modSeq <= since) continue;
    at = view.messages.indexOf(message, at + 1);
    const seq = at + 1;
    const told = fetchLine(message, items, { byUid, modSeq: since !== null }, view.mailbox.get(message.uid) !== null);
    const unreadable = session.server.lies.unreadable.includes(message.uid);
    if (told === null || (unreadable && items.some((item) => item.startsWith("BODY")))) missing = true;
    else session.raw(`* ${seq} FETCH (`, ...told, ")\r\n");
    if (since !== null) view.toldModSeq(message.modSeq);
  }
  if (missing) no("EXPUNGEISSUED", "Some of the requested messages no longer exist.");
  return { text: "Fetch completed." };
}

function fetchModifiers(token: Token | undefined): { readonly since: bigint | null; readonly vanished: boolean } {
  if (token === undefined) return { since: null, vanished: false };
  const words = list(token).map((item) => atom(item).toUpperCase());
  const at = words.indexOf("CHANGEDSINCE");
  if (at < 0) throw new BadSyntax("unknown FETCH modifier");
  return { since: BigInt(words[at + 1] ?? ""), vanished: words.includes("VANISHED") };
}

// ---- STORE

function store(session: ModelSession, args: readonly Token[], byUid: boolean): Answer {
  const [set, ...rest] = args;
  const unchangedSince = rest[0]?.kind === "list" ? unchangedSinceOf(list(rest.shift())) : null;
  const [item, ...words] = rest;
  const match = /^([+-]?)FLAGS(\.SILENT)?$/i.exec(atom(item));
  if (match === null) throw new BadSyntax("unknown STORE item");
  const mode = match[1] === "+" ? "add" : match[1] === "-" ? "remove" : "replace";
  const view = session.selected;
  const flags = flagsOf(words[0]?.kind === "list" ? list(words[0]) : words, session.server.lies);
  const change: FlagChange = { mode, flags: view.mailbox.storable(flags) };
  if (unchangedSince !== null) session.condstore = true;
  if (view.readOnly && unchangedSince !== null) no(null, "CONDSTORE isn't possible in a read-only mailbox.");
  if (view.readOnly || session.server.lies.ignoreStore) return { text: "Store completed." };
  const messages = targets(session, set, byUid);
  const before = new Map(messages.map(({ uid }) => [uid, view.mailbox.get(uid)]));
  const refused = view.mailbox.store(before.keys(), change, unchangedSince);
  if (match[2] !== undefined) {
    // What the client stored silently is not told, unless the flags were others than it knew.
    for (const told of messages) {
      const now = view.mailbox.get(told.uid);
      if (now !== null && before.get(told.uid) === told) session.silent.set(told.uid, now.flags.join(" "));
    }
  }
  if (refused.length === 0) return { text: "Store completed." };
  const numbers = byUid ? refused : refused.map((uid) => view.messages.findIndex((told) => told.uid === uid) + 1);
  return { code: `MODIFIED ${formatSet(numbers)}`, text: "Conditional store failed." };
}

function unchangedSinceOf(items: readonly Token[]): bigint {
  if (atom(items[0]).toUpperCase() !== "UNCHANGEDSINCE") throw new BadSyntax("unknown STORE modifier");
  return BigInt(atom(items[1]));
}

// ---- EXPUNGE, COPY, MOVE

function expunge(session: ModelSession, messages: readonly ModelMessage[]): Answer {
  const { mailbox, readOnly } = session.selected;
  if (!readOnly && !session.server.lies.ignoreExpunge) {
    mailbox.expunge(messages.map(({ uid }) => uid).filter((uid) => isDeleted(mailbox.get(uid) ?? { flags: [] })));
  }
  return { text: "Expunge completed." };
}

function copy(session: ModelSession, [set, name]: readonly Token[], byUid: boolean, move: boolean): Answer {
  if (move && !session.server.has("MOVE")) throw new BadSyntax("MOVE was not offered");
  const { store } = session.server;
  const { mailbox } = session.selected;
  const uids = targets(session, set, byUid).map(({ uid }) => uid);
  if (uids.length === 0) return { text: "No messages found." };
  const target = session.mailbox(foldInbox(astring(name)), "TRYCREATE");
  const done = move ? store.move(mailbox, uids, target) : store.copy(mailbox, uids, target);
  const text = move ? "Move completed." : "Copy completed.";
  if (done.to.length === 0) return { text };
  const code = `COPYUID ${target.uidValidity} ${formatSet(done.from)} ${formatSet(done.to)}`;
  if (!move) return { code, text };
  session.line(`* OK [${code}] Moved UIDs.`);
  return { text };
}
