// Decides what a server's NO or BAD to APPEND means (RFC 5530, 7889, and the texts of servers that give no code), what is
// remembered of a message that was left behind, and when it is tried again. Values only; sends and stores nothing.

/**
 * Why a message was left behind. "content": what is in it; "size"; "quota", "permission", "limit", "read-only": the
 * mailbox takes no more; "suspect": it was in an APPEND that was answered BAD, perhaps through another message's fault;
 * "other": a text that says nothing that is known.
 */
export type RefusalKind =
  | "content"
  | "size"
  | "quota"
  | "permission"
  | "limit"
  | "read-only"
  | "suspect"
  | "other";

/** What is remembered of a message that was left behind. */
export interface Refusal {
  readonly kind: RefusalKind;
  /** Its size; 0: not known, because it was not tried. */
  readonly octets: number;
  /** APPENDLIMIT of that time; null: the server named none. */
  readonly limit: number | null;
  /** The server's words. */
  readonly text: string;
}

/** A tagged NO or BAD. */
export interface Answer {
  readonly status: "NO" | "BAD";
  readonly code: string | null;
  readonly text: string;
}

/** What a refused APPEND means for the rest. */
export type Verdict =
  /** This message and no other. */
  | { readonly scope: "message"; readonly kind: RefusalKind }
  /** Most likely the next message, too. */
  | { readonly scope: "mailbox"; readonly kind: RefusalKind }
  /** A keyword: the message may go without. */
  | { readonly scope: "keywords" }
  /** The server wants us to wait; null: it does not say how long. */
  | { readonly scope: "later"; readonly waitMs: number | null }
  /** The mailbox is not there any more. */
  | { readonly scope: "gone" };

const MAILBOX = (kind: RefusalKind): Verdict => ({ scope: "mailbox", kind });
const MESSAGE = (kind: RefusalKind): Verdict => ({ scope: "message", kind });
const LATER: Verdict = { scope: "later", waitMs: null };

/** Codes of RFC 5530, 4469 and 7889, and what servers invented. */
const BY_CODE: ReadonlyMap<string, Verdict> = new Map([
  ["TRYCREATE", { scope: "gone" }],
  ["NONEXISTENT", { scope: "gone" }],
  ["OVERQUOTA", MAILBOX("quota")],
  ["NOPERM", MAILBOX("permission")],
  ["READ-ONLY", MAILBOX("permission")],
  ["LIMIT", MAILBOX("limit")],
  ["TOOBIG", MESSAGE("size")],
  ["BADCHARSET", MESSAGE("content")],
  ["PARSE", MESSAGE("content")],
  ["UNKNOWN-CTE", MESSAGE("content")],
  ["INUSE", LATER],
  ["UNAVAILABLE", LATER],
  ["THROTTLED", LATER],
  ["OVERLOADED", LATER],
]);

/** Texts, for answers whose code says nothing. The first that matches counts. */
const BY_TEXT: readonly (readonly [RegExp, Verdict])[] = [
  [/\bthrottl|\btoo many (?:\w+ )*(?:requests?|commands?|connections?)\b|\brate[- ]?limit|\bback-?off\b/i, LATER],
  [/\btry again later\b|\btemporar(?:y|ily)\b/i, LATER],
  // Cyrus 3.6 sends no code.
  [/\bquota\b|\bmailbox (?:is )?full\b|\bout of (?:disk )?space\b|\bno space\b/i, MAILBOX("quota")],
  [/\bpermission denied\b|\bread-?only\b|\baccess denied\b|\bnot permitted\b/i, MAILBOX("permission")],
  [/\b(?:mailbox|folder) (?:does not|doesn't) exist\b/i, { scope: "gone" }],
  [/\btoo (?:large|big|long)\b|\bexceeds?\b.*\b(?:size|limit)\b|\bmaximum (?:message )?size\b/i, MESSAGE("size")],
  // Cyrus 3.6: "Message contains NUL characters", "... bare newlines", "... invalid header", "... non-ASCII characters".
  [/\bNULs?\b|\bbare (?:newlines?|LFs?|CRs?)\b|\binvalid header|\bbad header|\bmalformed\b/i, MESSAGE("content")],
  [
    /\b8-?bit\b|\bnon-?ascii\b|\bline too long\b|\bzero byte\b|\bempty message\b|\binvalid message\b/i,
    MESSAGE("content"),
  ],
  [/\bvirus|\bspam\b|\bnot RFC ?(?:2|5)?822\b/i, MESSAGE("content")],
  [/\bkeywords?\b|\bflags?\b/i, { scope: "keywords" }],
];

/** What Exchange puts behind "Request is throttled". */
const BACK_OFF = /\bback-?off time:? (\d{1,9})\b/i;

/** What an answer to APPEND means. `hasKeywords`: the message was sent with some. */
export function judge({ status, code, text }: Answer, hasKeywords: boolean): Verdict {
  const byCode = code === null ? undefined : BY_CODE.get(code);
  const found = byCode ?? BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ?? MESSAGE("other");
  // After BAD the connection is closed: whether it was this message shows only when it is sent alone.
  if (status === "BAD") return found.scope === "message" ? found : MESSAGE("content");
  if (found.scope === "keywords") return hasKeywords ? found : MESSAGE("content");
  if (found.scope !== "later") return found;
  const told = BACK_OFF.exec(text)?.[1];
  return told === undefined ? found : { scope: "later", waitMs: Number(told) };
}

/** How long Dovecot took for the command, behind its words. */
const DOVECOTS_TIME = / \(\d+\.\d{3}(?: \+ \d+\.\d{3})* secs\)\.?$/;

/** What the server says of it, for people; the same for all answers that differ in nothing but the time they took. */
export function wordsOf({ code, text }: Pick<Answer, "code" | "text">): string {
  const words = text.replace(DOVECOTS_TIME, "");
  return code === null ? words : `[${code}] ${words}`;
}

/** Whether it is worth while to send the message again. `limit`: APPENDLIMIT now. --repair does not ask. */
export function isDue(refusal: Refusal, limit: number | null): boolean {
  switch (refusal.kind) {
    case "content":
      return false;
    case "size":
      return limit !== refusal.limit && (limit === null || refusal.octets <= limit);
    default:
      return true;
  }
}

/** Whether the message was left because of the mailbox: then one is tried before the others are. */
export function concernsMailbox({ kind }: Refusal): boolean {
  return kind === "quota" || kind === "permission" || kind === "limit" || kind === "read-only";
}

/** How the reason of a refused message begins. */
export const REFUSED = "refused ";
const MAX_TEXT = 200;

/** One line for the state file. */
export function formatRefusal({ kind, octets, limit, text }: Refusal): string {
  return `${REFUSED}${kind} ${octets} ${limit ?? "-"} ${text.slice(0, MAX_TEXT)}`;
}

/** Null: the message was left for another reason. */
export function parseRefusal(reason: string): Refusal | null {
  const match = /^refused ([a-z-]+) (\d+) (\d+|-) (.*)$/s.exec(reason);
  if (match === null) return null;
  const [, kind = "", octets = "", limit = "", text = ""] = match;
  if (!isKind(kind)) return null;
  return { kind, octets: Number(octets), limit: limit === "-" ? null : Number(limit), text };
}

const KINDS: ReadonlySet<string> = new Set<RefusalKind>([
  "content",
  "size",
  "quota",
  "permission",
  "limit",
  "read-only",
  "suspect",
  "other",
]);

function isKind(word: string): word is RefusalKind {
  return KINDS.has(word);
}
