// Commands as values, one builder for each (RFC 9051 section 6, RFC 2177, 3502, 4315, 4978, 5161, 5258, 5465, 5819,
// 7162).
// The order of arguments and what must be quoted is decided here; tags, literals on the wire and when to send are not.
// Strings hold one character per octet.

import { fromLatin1 } from "../base/bytes.ts";
import { isSendableFlag } from "./flags.ts";
import { formatInternalDate } from "./internal_date.ts";
import type { InternalDate, ModSeq } from "./types.ts";
import type { UidSet } from "./uid_set.ts";

/** Text of the line; octets to be sent as a literal; or the length of a literal whose octets the sender pumps. */
export type CommandPart = string | { readonly literal: Uint8Array } | { readonly stream: number };

/** A command without its tag and CRLF. */
export interface Command {
  /** The first word or words, for logs and errors: "UID STORE". */
  readonly name: string;
  readonly parts: readonly CommandPart[];
  /** Holds a password: only the name may be logged. */
  readonly secret: boolean;
}

/** The QRESYNC parameter of SELECT (RFC 7162 3.2.5). */
export interface Resync {
  readonly uidValidity: number;
  readonly modSeq: ModSeq;
  /** null: all. */
  readonly knownUids: UidSet | null;
  /** Sequence numbers and UIDs of some known messages, equally many, both ascending. */
  readonly sample: { readonly seqs: UidSet; readonly uids: UidSet } | null;
}

/** One message of an APPEND. */
export interface AppendMessage {
  /** All pass isSendableFlag(). */
  readonly flags: readonly string[];
  readonly internalDate: InternalDate;
  /** The message, or its length in octets when they are streamed. */
  readonly body: Uint8Array | number;
}

/** What UID STORE does to the flags; always .SILENT. */
export interface StoreOptions {
  readonly mode: "replace" | "add";
  readonly flags: readonly string[];
  /** Only messages whose mod-sequence is at most this are changed (RFC 7162 3.1.3); null: all. */
  readonly unchangedSince: ModSeq | null;
}

/** The extended part of LIST (RFC 5258 3). */
export interface ListOptions {
  readonly subscribed: boolean;
  readonly status: readonly string[];
  /** Ask for \Trash and the like (RFC 6154); default false. */
  readonly specialUse?: boolean;
  /** Selection options; each is an atom. */
  readonly selection?: readonly string[];
}

export function capability(): Command {
  return command("CAPABILITY");
}

export function noop(): Command {
  return command("NOOP");
}

/** Ended by a line DONE, which is not part of the command (RFC 2177). */
export function idle(): Command {
  return command("IDLE");
}

/** NOTIFY SET for all mailboxes of the personal namespaces, those to come included (RFC 5465 3.1, 6.3). */
export function notifySet(events: readonly string[]): Command {
  return command("NOTIFY", "SET", `(PERSONAL (${events.join(" ")}))`);
}

export function notifyNone(): Command {
  return command("NOTIFY", "NONE");
}

/** STATUS of one mailbox (RFC 9051 6.3.11). */
export function status(mailbox: string, items: readonly string[]): Command {
  return command("STATUS", astring(mailbox), `(${items.join(" ")})`);
}

export function logout(): Command {
  return command("LOGOUT");
}

export function startTls(): Command {
  return command("STARTTLS");
}

export function compressDeflate(): Command {
  return command("COMPRESS", "DEFLATE");
}

export function enable(names: readonly string[]): Command {
  return command("ENABLE", names.join(" "));
}

/** @param initial the response in base64 (SASL-IR, RFC 4959), or null when it is sent after the continuation request */
export function authenticatePlain(initial: string | null): Command {
  const args = initial === null ? [] : [initial];
  return { ...command("AUTHENTICATE PLAIN", ...args), secret: true };
}

export function login(user: string, password: string): Command {
  return { ...command("LOGIN", astring(user), astring(password)), secret: true };
}

/**
 * LIST (selection) reference patterns RETURN (...) (RFC 5258, RFC 5819).
 * @param options what to return besides: subscriptions, special uses (RFC 6154), and STATUS items of each mailbox; and
 * which mailboxes to select by selection options, default all; null for plain LIST
 */
export function list(
  reference: string,
  patterns: readonly string[],
  options: ListOptions | null,
): Command {
  const [only] = patterns;
  const pattern: Argument = patterns.length === 1 && only !== undefined
    ? listPattern(only)
    : ["(", ...separated(patterns.map(listPattern)), ")"];
  const returned: string[] = [];
  if (options !== null && options.subscribed) returned.push("SUBSCRIBED");
  if (options?.specialUse === true) returned.push("SPECIAL-USE");
  if (options !== null && options.status.length > 0) returned.push(`STATUS (${options.status.join(" ")})`);
  const options5258 = returned.length > 0 ? [`RETURN (${returned.join(" ")})`] : [];
  const selection = options?.selection ?? [];
  const selected = selection.length > 0 ? [`(${selection.join(" ")})`] : [];
  return command("LIST", ...selected, astring(reference), pattern, ...options5258);
}

export function select(mailbox: string, resync: Resync | null): Command {
  if (resync === null) return command("SELECT", astring(mailbox));
  const args = [`${resync.uidValidity}`, `${resync.modSeq}`];
  if (resync.knownUids !== null) args.push(setText(resync.knownUids));
  if (resync.sample !== null) args.push(`(${setText(resync.sample.seqs)} ${setText(resync.sample.uids)})`);
  return command("SELECT", astring(mailbox), `(QRESYNC (${args.join(" ")}))`);
}

/** SELECT that changes nothing, not even what is \Recent. */
export function examine(mailbox: string): Command {
  return command("EXAMINE", astring(mailbox));
}

export function unselect(): Command {
  return command("UNSELECT");
}

export function create(mailbox: string): Command {
  return command("CREATE", astring(mailbox));
}

/** DELETE of one mailbox, not of those below it (RFC 9051 6.3.5). */
export function deleteMailbox(mailbox: string): Command {
  return command("DELETE", astring(mailbox));
}

/** RENAME of a mailbox with everything below it (RFC 9051 6.3.6). */
export function renameMailbox(from: string, to: string): Command {
  return command("RENAME", astring(from), astring(to));
}

export function subscribe(mailbox: string): Command {
  return command("SUBSCRIBE", astring(mailbox));
}

export function unsubscribe(mailbox: string): Command {
  return command("UNSUBSCRIBE", astring(mailbox));
}

/** @param esearch ask for the answer as a set (RFC 4731) */
export function uidSearch(uids: UidSet, esearch: boolean): Command {
  const returned = esearch ? ["RETURN (ALL)"] : [];
  return command("UID SEARCH", ...returned, `UID ${setText(uids)}`);
}

/** @param items the items, separated by spaces; or a list in parentheses, with modifiers behind it if need be */
export function uidFetch(uids: UidSet, items: string): Command {
  return command("UID FETCH", setText(uids), items.startsWith("(") ? items : `(${items})`);
}

/** @throws Error (a bug) when a flag is not one word */
export function uidStore(uids: UidSet, options: StoreOptions): Command {
  const flags = options.flags.map(storableFlag).join(" ");
  const condition = options.unchangedSince === null ? [] : [`(UNCHANGEDSINCE ${options.unchangedSince})`];
  const item = options.mode === "add" ? "+FLAGS.SILENT" : "FLAGS.SILENT";
  return command("UID STORE", setText(uids), ...condition, `${item} (${flags})`);
}

export function uidExpunge(uids: UidSet): Command {
  return command("UID EXPUNGE", setText(uids));
}

/**
 * APPEND of one message, or MULTIAPPEND of several (RFC 3502).
 * @throws Error (a bug) when a flag is not sendable: Dovecot 2.3.19 would answer BAD before it has skipped a
 * non-synchronizing literal, and execute the message as commands
 */
export function append(mailbox: string, messages: readonly AppendMessage[]): Command {
  if (messages.length === 0) throw new Error("APPEND of no message");
  const parts = merged(separated(["APPEND", astring(mailbox)]));
  for (const { flags, internalDate, body } of messages) {
    const text = `${listText(flags)}"${formatInternalDate(internalDate)}" `;
    const last = parts.at(-1);
    if (typeof last === "string") parts[parts.length - 1] = last + text;
    else parts.push(text);
    parts.push(typeof body === "number" ? { stream: body } : { literal: body });
  }
  return { name: "APPEND", parts, secret: false };
}

/** Of lists of flags: most messages have one of few. */
const LIST_TEXTS = new WeakMap<readonly string[], string>();

/** " (...) " */
function listText(flags: readonly string[]): string {
  const known = LIST_TEXTS.get(flags);
  if (known !== undefined) return known;
  const bad = flags.find((flag) => !isSendableFlag(flag));
  if (bad !== undefined) throw new Error(`APPEND with a flag that must not be sent: ${JSON.stringify(bad)}`);
  const text = ` (${flags.join(" ")}) `;
  LIST_TEXTS.set(flags, text);
  return text;
}

/** One argument: text, or parts that belong together without spaces between them. */
type Argument = string | readonly CommandPart[];

function command(name: string, ...args: readonly Argument[]): Command {
  return { name, parts: merged(separated([name, ...args])), secret: false };
}

/** The arguments as parts with spaces between them. */
function separated(args: readonly Argument[]): CommandPart[] {
  const parts: CommandPart[] = [];
  for (const [i, arg] of args.entries()) {
    if (i > 0) parts.push(" ");
    if (typeof arg === "string") parts.push(arg);
    else parts.push(...arg);
  }
  return parts;
}

/** The same with neighbouring texts as one. */
function merged(parts: readonly CommandPart[]): CommandPart[] {
  const result: CommandPart[] = [];
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
    } else {
      if (text !== "") result.push(text);
      text = "";
      result.push(part);
    }
  }
  if (text !== "") result.push(text);
  return result;
}

const ASTRING_CHARS = /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+$/;
// deno-lint-ignore no-control-regex
const QUOTABLE = /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/;

/** astring: bare when all are ASTRING-CHARs, quoted when it is ASCII without CR and LF, else a literal. */
function astring(text: string): Argument {
  // NIL as an astring is legal, but not every parser of the world tells it from nil.
  return ASTRING_CHARS.test(text) && text.toUpperCase() !== "NIL" ? text : string(text);
}

/** string = quoted / literal */
function string(text: string): Argument {
  if (QUOTABLE.test(text)) return `"${text.replace(/["\\]/g, "\\$&")}"`;
  if (text.includes("\0")) throw new Error("A string for the wire contains NUL");
  return [{ literal: fromLatin1(text) }];
}

/** list-mailbox: wildcards are quoted, because the original does so, but for the pattern of all mailboxes. */
function listPattern(pattern: string): Argument {
  return pattern === "*" ? pattern : astring(pattern);
}

function setText(uids: UidSet): string {
  if (uids.isEmpty) throw new Error("A command needs a set that is not empty");
  return uids.toString();
}

/** A flag as one word: the server says whether it is one that it keeps. STORE has no literal that could run on. */
function storableFlag(flag: string): string {
  // deno-lint-ignore no-control-regex
  if (/^\\?[^\x00-\x20"(){\\\x7f-\xff]+$/.test(flag)) return flag;
  throw new Error(`STORE with a flag that is not one word: ${JSON.stringify(flag)}`);
}
