// Status responses and continuation requests: resp-text and response codes (RFC 9051 7.1, RFC 4315, 7162, 8474).
// They never contain literals. Decides which malformed codes are fatal; knows nothing of what a code leads to.

import { asciiUpper } from "../base/bytes.ts";
import { ProtocolError } from "../errors.ts";
import { Capabilities } from "./capability.ts";
import { Cursor } from "./cursor.ts";
import { flags, modSequence, nzNumber, uidRanges, uidSet } from "./grammar.ts";
import { BACKSLASH, DQUOTE, isA, isWord, LBRACKET, LPAREN, NAME, RBRACKET, RPAREN, SP, STAR, TAG } from "./octets.ts";
import type { ContinuationRequest, ResponseCode, StatusResponse } from "./types.ts";
import { UidSetBuilder } from "./uid_set.ts";

const TAGGED = ["OK", "NO", "BAD"] as const;
const UNTAGGED = [...TAGGED, "BYE", "PREAUTH"] as const;

/** Whether this is a status response or a continuation request: a text that ends in "{5}" is a text then. */
export function isStatusLine(c: Cursor): boolean {
  if (c.peek() !== STAR) return true;
  const from = c.start + 2;
  let to = from;
  while (to < c.end && c.bytes[to] !== SP) to++;
  return UNTAGGED.some((status) => isWord(c.bytes, from, to, status));
}

/**
 * continue-req = "+" SP (resp-text / base64) CRLF. Exchange 2010 leaves out the space when there is no text.
 * "+OK" is the greeting of a POP3 server, and refused.
 */
export function continuationRequest(c: Cursor): ContinuationRequest {
  c.at++;
  if (c.atEnd) return { kind: "continuation", text: "" };
  c.expect(SP);
  return { kind: "continuation", text: c.rest() };
}

/** response-tagged = tag SP resp-cond-state CRLF */
export function taggedResponse(c: Cursor): StatusResponse {
  const tag = c.expectRun(TAG, "a tag");
  c.expect(SP);
  for (const status of TAGGED) {
    if (c.acceptWord(status)) return { kind: "status", tag, status, ...responseText(c) };
  }
  throw c.expected("OK, NO or BAD");
}

/** The untagged resp-cond-state, resp-cond-auth and resp-cond-bye; null when it is another response. */
export function acceptUntaggedStatus(c: Cursor): StatusResponse | null {
  for (const status of UNTAGGED) {
    if (c.acceptWord(status)) return { kind: "status", tag: null, status, ...responseText(c) };
  }
  return null;
}

/**
 * resp-text = ["[" resp-text-code "]" SP] [text]. No text behind a code (hoodiecrow: `* OK [UIDVALIDITY 1]`) and no
 * text at all (Exchange: `a1 OK`) are let through. A "[" that begins no code is text.
 */
function responseText(c: Cursor): { readonly code: ResponseCode | null; readonly text: string } {
  if (c.atEnd) return { code: null, text: "" };
  c.expect(SP);
  const close = c.peek() === LBRACKET ? codeEnd(c) : -1;
  const code = close < 0 ? null : responseCode(c, close);
  if (code === null) return { code, text: c.rest() };
  c.at = close + 1;
  c.accept(SP);
  return { code, text: c.rest() };
}

/** Where the "]" of the code is that begins here: keywords of Cyrus 3.6 and quoted strings may contain others; or -1. */
function codeEnd(c: Cursor): number {
  const { bytes, end } = c;
  let depth = 0;
  let quoted = false;
  for (let i = c.at + 1; i < end; i++) {
    const octet = bytes[i];
    if (octet === BACKSLASH && quoted) i++;
    else if (octet === DQUOTE) quoted = !quoted;
    else if (quoted) continue;
    else if (octet === LPAREN) depth++;
    else if (octet === RPAREN) depth--;
    else if (octet === RBRACKET && depth <= 0) return i;
  }
  const first = bytes.indexOf(RBRACKET, c.at);
  return first < end ? first : -1;
}

/** resp-text-code = atom [SP args]; the cursor is at "[". Null when there is no name. */
function responseCode(c: Cursor, close: number): ResponseCode | null {
  const inner = new Cursor();
  inner.set(c.bytes, c.at + 1, close);
  if (!isA(inner.peek(), NAME)) return null;
  const name = asciiUpper(inner.expectRun(NAME, "a response code"));
  inner.accept(SP);
  const argsAt = inner.at;
  const code = knownCode(inner, name);
  if (code !== null) return code;
  inner.at = argsAt;
  return { code: "OTHER", name, args: inner.rest() };
}

type Read = (c: Cursor) => ResponseCode;

/**
 * Codes without which a session cannot go on: a MODIFIED that is not understood would pass for a STORE that was done,
 * and a wrong HIGHESTMODSEQ would hide changes for ever.
 */
const STRICT: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["HIGHESTMODSEQ", (c) => ({ code: "HIGHESTMODSEQ", modSeq: modSequence(c) })],
  ["MODIFIED", (c) => ({ code: "MODIFIED", uids: uidSet(c) })],
]);

/**
 * Codes that become OTHER when they are malformed, because their absence fails one APPEND (APPENDUID; a server said
 * "APPENDUID ... none", OfflineIMAP issue 455) or one SELECT (UIDVALIDITY, UIDNEXT), or nothing (the others).
 */
const LENIENT: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["APPENDUID", appendUid],
  ["CAPABILITY", (c) => ({ code: "CAPABILITY", capabilities: capabilities(c) })],
  ["MAILBOXID", mailboxId],
  ["PERMANENTFLAGS", (c) => ({ code: "PERMANENTFLAGS", flags: flags(c) })],
  ["UIDNEXT", (c) => ({ code: "UIDNEXT", value: nzNumber(c, "a UID") })],
  ["UIDVALIDITY", (c) => ({ code: "UIDVALIDITY", value: nzNumber(c, "a UIDVALIDITY") })],
]);

/** null: not a code that has a form of its own, or malformed where that does no harm. */
function knownCode(c: Cursor, name: string): ResponseCode | null {
  const read = STRICT.get(name);
  if (read !== undefined) return whole(c, read);
  const lenient = LENIENT.get(name);
  if (lenient === undefined) return null;
  try {
    return whole(c, lenient);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function whole(c: Cursor, read: Read): ResponseCode {
  const code = read(c);
  c.expectEnd();
  return code;
}

/**
 * resp-code-apnd = "APPENDUID" SP nz-number SP append-uid (RFC 4315). The UIDs stand in the order of the messages,
 * and UIDs only grow: a set that is not ascending would pair messages wrongly, and is malformed.
 */
function appendUid(c: Cursor): ResponseCode {
  const uidValidity = nzNumber(c, "a UIDVALIDITY");
  c.expect(SP);
  const uids = new UidSetBuilder();
  let highest = 0;
  uidRanges(c, 1, (first, last) => {
    if (first <= highest) throw c.expected("ascending UIDs");
    highest = last;
    uids.add(first, last);
  });
  return { code: "APPENDUID", uidValidity, uids: uids.build() };
}

/** "MAILBOXID" SP "(" objectid ")" (RFC 8474 4.2) */
function mailboxId(c: Cursor): ResponseCode {
  c.expect(LPAREN);
  const id = c.expectRun(NAME, "an object ID");
  c.expect(RPAREN);
  return { code: "MAILBOXID", id };
}

/** capability-data = *(SP capability), the cursor behind the first SP. At least one; spaces may be double. */
export function capabilities(c: Cursor): Capabilities {
  const names: string[] = [];
  while (!c.atEnd) {
    names.push(c.expectRun(NAME, "a capability"));
    if (!c.atEnd) c.expect(SP);
    while (c.accept(SP));
  }
  if (names.length === 0) throw c.expected("a capability");
  return new Capabilities(names);
}
