// The core of the grammar of RFC 9051 section 9 (and RFC 3501): words, strings, numbers, sets, flags, mailbox names,
// and values of any kind that are only skipped. Knows no response. Strictness where a guess could lose mail, leniency
// where real servers need it; each leniency names one.

import { latin1 } from "../base/bytes.ts";
import type { Cursor } from "./cursor.ts";
import { makeFlagSet } from "./flags.ts";
import { foldInbox } from "./mailbox_name.ts";
import {
  BACKSLASH,
  COLON,
  COMMA,
  CR,
  DIGIT_0,
  DQUOTE,
  endOf,
  isDigit,
  LBRACE,
  LF,
  LPAREN,
  NAME,
  NUL,
  PLUS,
  RBRACE,
  RPAREN,
  SP,
  TILDE,
  WORD,
} from "./octets.ts";
import type { ModSeq } from "./types.ts";
import { MAX_UID, type UidSet, UidSetBuilder } from "./uid_set.ts";

/** number = 1*DIGIT, unsigned 32 bits. */
export const MAX_NUMBER = 4294967295;
/** number64 of RFC 9051, as far as a JavaScript number counts exactly (8 PiB). */
export const MAX_NUMBER64 = Number.MAX_SAFE_INTEGER;
/** mod-sequence-value of RFC 7162: unsigned 63 bits. */
const MAX_MODSEQ = 9223372036854775807n;

/** number = 1*DIGIT, at most `max`. */
export function number(c: Cursor, max: number, what: string): number {
  const bytes = c.bytes;
  const from = c.at;
  let at = from;
  let value = 0;
  while (at < c.end) {
    const digit = (bytes[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9 || value > max) break;
    value = value * 10 + digit;
    at++;
  }
  if (at === from || value > max) throw c.expected(what);
  c.at = at;
  return value;
}

/** nz-number, of which uniqueid, seq-number and UIDVALIDITY are made. */
export function nzNumber(c: Cursor, what: string): number {
  const from = c.at;
  const value = number(c, MAX_NUMBER, what);
  if (value === 0) {
    c.at = from;
    throw c.expected(what);
  }
  return value;
}

/** mod-sequence-valzer = "0" / mod-sequence-value (RFC 7162 section 7); 0 where a message or mailbox has none. */
export function modSequence(c: Cursor): ModSeq {
  const EXACT_DIGITS = 15; // fit a JavaScript number
  const from = c.at;
  while (isDigit(c.peek())) c.at++;
  const digits = c.at - from;
  if (digits > 0 && digits <= EXACT_DIGITS) {
    let value = 0;
    for (let i = from; i < c.at; i++) value = value * 10 + (c.bytes[i] ?? 0) - DIGIT_0;
    return BigInt(value);
  }
  const MAX_DIGITS = 19;
  const value = digits > 0 && digits <= MAX_DIGITS ? BigInt(latin1(c.bytes.subarray(from, c.at))) : null;
  if (value !== null && value <= MAX_MODSEQ) return value;
  c.at = from;
  throw c.expected("a mod-sequence of at most 63 bits");
}

/**
 * sequence-set of RFC 9051, of which uid-set (RFC 4315) and known-uids (RFC 7162) are the part without "*":
 * "*" in a response means nothing, and is refused. Calls `add` for each element with first <= last: "5:3" is 3:5.
 */
export function uidRanges(c: Cursor, lowest: 0 | 1, add: (first: number, last: number) => void): void {
  do {
    const one = uniqueId(c, lowest);
    const other = c.accept(COLON) ? uniqueId(c, lowest) : one;
    add(Math.min(one, other), Math.max(one, other));
  } while (c.accept(COMMA));
}

export function uidSet(c: Cursor): UidSet {
  const builder = new UidSetBuilder();
  uidRanges(c, 1, (first, last) => builder.add(first, last));
  return builder.build();
}

/** Dovecot answered UID EXPUNGE 1 with `VANISHED 0:1` in 2021 (dovecot/core PR 162). UID 0 names no message. */
export function uidSetIgnoringZero(c: Cursor): UidSet {
  const builder = new UidSetBuilder();
  uidRanges(c, 0, (first, last) => {
    if (last > 0) builder.add(Math.max(first, 1), last);
  });
  return builder.build();
}

/** uniqueid = nz-number */
function uniqueId(c: Cursor, lowest: 0 | 1): number {
  return lowest === 0 ? number(c, MAX_UID, "a UID") : nzNumber(c, "a UID");
}

/** nil = "NIL" */
export function acceptNil(c: Cursor): boolean {
  return c.acceptWord("NIL");
}

/**
 * quoted = DQUOTE *QUOTED-CHAR DQUOTE, as octets without the escapes. 8-bit octets are let through: there are servers
 * that send UTF-8 though UTF8=ACCEPT was not enabled. The result may be part of the response's own memory.
 */
export function quotedOctets(c: Cursor): Uint8Array {
  c.expect(DQUOTE);
  const from = c.at;
  const escapes = toClosingQuote(c);
  const octets = c.bytes.subarray(from, c.at);
  c.at++;
  return escapes === 0 ? octets : unescape(octets, escapes);
}

/** Moves to the closing quote and returns the number of escapes passed. */
function toClosingQuote(c: Cursor): number {
  let escapes = 0;
  for (;; c.at++) {
    const octet = c.peek();
    if (octet === DQUOTE) return escapes;
    if (octet === BACKSLASH) {
      c.at++;
      escapes++;
      const escaped = c.peek();
      if (escaped !== DQUOTE && escaped !== BACKSLASH) throw c.expected("a quoted-special");
    } else if (octet === -1 || octet === CR || octet === LF || octet === NUL) {
      throw c.expected("a closing quote");
    }
  }
}

function unescape(octets: Uint8Array, escapes: number): Uint8Array {
  const plain = new Uint8Array(octets.length - escapes);
  let from = 0;
  for (let to = 0; to < plain.length; to++) {
    if (octets[from] === BACKSLASH) from++;
    plain[to] = octets[from++] ?? 0;
  }
  return plain;
}

/**
 * literal = "{" number64 ["+"] "}" CRLF *CHAR8, and literal8 = "~{" ...: the announcement, up to and with the brace.
 * Returns the octets that are announced. The octets are there unless the cursor is at its end now.
 */
export function literalHeader(c: Cursor): number {
  c.accept(TILDE);
  c.expect(LBRACE);
  const octets = number(c, MAX_NUMBER64, "the size of a literal");
  c.accept(PLUS);
  c.expect(RBRACE);
  return octets;
}

/** Whether a literal or literal8 begins here. */
export function atLiteral(c: Cursor): boolean {
  const octet = c.peek();
  return octet === LBRACE || (octet === TILDE && c.at + 1 < c.end && c.bytes[c.at + 1] === LBRACE);
}

/** A literal that was inlined, as the range it occupies: from what is returned up to the cursor. */
function literalStart(c: Cursor): number {
  const octets = literalHeader(c);
  c.expect(CR);
  c.expect(LF);
  const from = c.at;
  if (from + octets > c.end) throw c.expected("a literal");
  c.at += octets;
  return from;
}

/** string = quoted / literal, without NUL, which stands for the hierarchy delimiter inside the program. */
export function string(c: Cursor): string {
  if (c.peek() === DQUOTE) {
    return latin1(quotedOctets(c));
  }
  const from = literalStart(c);
  const nul = c.bytes.indexOf(NUL, from);
  if (nul >= 0 && nul < c.at) {
    c.at = nul;
    throw c.expected("a string without NUL");
  }
  return latin1(c.bytes.subarray(from, c.at));
}

/** astring = 1*ASTRING-CHAR / string, with the characters that list-char allows beyond, and 8-bit. */
export function astring(c: Cursor, what: string): string {
  return c.peek() === DQUOTE || atLiteral(c) ? string(c) : c.expectRun(NAME, what);
}

/** mailbox = "INBOX" / astring. INBOX is case-insensitive and made "INBOX"; the rest is as the server spells it. */
export function mailbox(c: Cursor): string {
  return foldInbox(astring(c, "a mailbox name"));
}

/**
 * flag-list = "(" [flag *(SP flag)] ")", flag-perm and \Recent included, as spelled. SurgeMail 80e leaves a space
 * before ")" (djc/imap-proto issue 178). Cyrus 3.6 lets keywords have brackets.
 */
export function flagWords(c: Cursor): string[] {
  const flags: string[] = [];
  c.expect(LPAREN);
  while (!c.accept(RPAREN)) {
    flags.push(c.expectRun(WORD, "a flag"));
    if (!c.accept(SP) && c.peek() !== RPAREN) throw c.expected('a space or ")"');
  }
  return flags;
}

/** flag-list in canonical form, without \Recent. */
export function flags(c: Cursor): readonly string[] {
  return makeFlagSet(flagWords(c)).flags;
}

/**
 * A value of any kind, skipped: what FETCH items, STATUS items and extensions hold that this program does not know.
 * tagged-ext-val of RFC 9051, with the lists of BODYSTRUCTURE, whose elements need no space between them.
 * @param nesting how many parentheses may open inside one another here
 */
export function skipValue(c: Cursor, nesting: number): void {
  const octet = c.peek();
  if (octet === LPAREN) {
    if (nesting === 0) throw c.expected("less deeply nested parentheses");
    c.at++;
    for (;;) {
      while (c.accept(SP));
      if (c.accept(RPAREN)) return;
      skipValue(c, nesting - 1);
    }
  }
  if (octet === DQUOTE) skipQuoted(c);
  else if (atLiteral(c)) literalStart(c);
  else skipWord(c);
}

/** A quoted string that is not looked at may escape what it likes. */
function skipQuoted(c: Cursor): void {
  c.at++;
  for (; c.peek() !== DQUOTE; c.at++) {
    const octet = c.peek();
    if (octet === -1 || octet === CR || octet === LF) throw c.expected("a closing quote");
    if (octet === BACKSLASH) c.at++;
  }
  c.at++;
}

function skipWord(c: Cursor): void {
  const from = c.at;
  c.at = endOf(c.bytes, from, c.end, WORD);
  if (c.at === from) throw c.expected("a value");
}
