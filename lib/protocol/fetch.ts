// The items of one FETCH response (RFC 9051 7.5.2, RFC 7162 section 7), read as far as the text goes: a body whose
// octets follow as a literal, or another literal that is still to come, interrupts the loop, and it goes on behind it.
// Knows which items are bodies; everything that is not wanted is skipped by its structure.

import { latin1 } from "../base/bytes.ts";
import type { Cursor } from "./cursor.ts";
import { FlagCache } from "./flag_cache.ts";
import {
  acceptNil,
  atLiteral,
  literalHeader,
  MAX_NUMBER,
  MAX_NUMBER64,
  modSequence,
  number,
  quotedOctets,
  skipValue,
} from "./grammar.ts";
import { readInternalDate } from "./internal_date.ts";
import { DQUOTE, endOf, GREATER, isWord, ITEM_NAME, LBRACKET, LESS, LPAREN, RBRACKET, RPAREN, SP } from "./octets.ts";
import type { FetchItems, FlagSet, InternalDate, ModSeq } from "./types.ts";

/**
 * Where the loop stopped. `end`: the response is complete. `body`: `section`, `octets` and `held` of the reader say
 * what comes. `literal`: the octets of a literal that is not a body are still to be put behind the text.
 */
export type FetchStep = "end" | "body" | "literal";

/** "01-Jan-2020 12:00:00 +0000" */
const DATE_TIME_OCTETS = 26;

/** Reads FETCH responses one after the other; one for each decoder. */
export class FetchReader {
  readonly #flagCache = new FlagCache();
  readonly #nesting: number;
  #opened = false;
  #first = true;
  #uid: number | null = null;
  #flags: FlagSet | null = null;
  #modSeq: ModSeq | null = null;
  #internalDate: InternalDate | null = null;
  #rfc822Size: number | null = null;

  seq = 0;
  /** Of the body where the loop stopped. */
  section = "";
  /** Octets of that body, null for NIL. */
  octets: number | null = null;
  /** The body itself when it was a quoted string: valid as long as the text. Null: a literal, whose octets follow. */
  held: Uint8Array | null = null;

  /** @param nesting how many parentheses may stand inside one another, those around the items included */
  constructor(nesting: number) {
    this.#nesting = nesting;
  }

  /** Begins a response; the text goes on with "(". */
  begin(seq: number): void {
    this.seq = seq;
    this.#opened = false;
    this.#first = true;
    this.#uid = null;
    this.#flags = null;
    this.#modSeq = null;
    this.#internalDate = null;
    this.#rfc822Size = null;
  }

  /** The items so far. */
  items(): FetchItems {
    return {
      uid: this.#uid,
      flags: this.#flags,
      modSeq: this.#modSeq,
      internalDate: this.#internalDate,
      rfc822Size: this.#rfc822Size,
    };
  }

  /**
   * msg-att = "(" [item *(SP item)] ")", from where the last call left the cursor: for `literal` the place where to go
   * on once its octets are there. imap.qq.com leaves a space before ")" (jakartaee/mail-api issue 209).
   * @throws ProtocolError
   */
  advance(c: Cursor): FetchStep {
    if (!this.#opened) c.expect(LPAREN);
    this.#opened = true;
    for (;;) {
      const itemAt = c.at;
      c.mark = itemAt;
      if (c.accept(RPAREN)) break;
      if (!this.#first) {
        c.expect(SP);
        if (c.accept(RPAREN)) break;
      }
      const step = this.#item(c);
      if (step === "literal") c.at = itemAt;
      else this.#first = false;
      if (step !== "next") return step;
    }
    c.expectEnd();
    return "end";
  }

  /** One item: its name, the section if it has one, and its value. */
  #item(c: Cursor): "next" | "body" | "literal" {
    const from = c.at;
    const to = endOf(c.bytes, from, c.end, ITEM_NAME);
    if (to === from) throw c.expected("a FETCH item");
    c.at = to;
    const section = c.peek() === LBRACKET ? bracketed(c) : null;
    c.expect(SP);
    const bodySection = sectionOfBody(c.bytes, from, to, section);
    if (bodySection !== null) return this.#body(c, bodySection);
    if (atLiteral(c)) {
      const valueAt = c.at;
      literalHeader(c);
      if (c.atEnd) return "literal";
      c.at = valueAt;
    }
    this.#value(c, from, to);
    return "next";
  }

  /** The value of an item that is not a body; its name is from..to. */
  #value(c: Cursor, from: number, to: number): void {
    const bytes = c.bytes;
    if (isWord(bytes, from, to, "UID")) this.#uid = uidOrNone(c);
    else if (isWord(bytes, from, to, "FLAGS")) this.#flags = this.#flagCache.read(c);
    else if (isWord(bytes, from, to, "MODSEQ")) this.#modSeq = permessageModSequence(c);
    else if (isWord(bytes, from, to, "INTERNALDATE")) this.#internalDate = internalDate(c);
    else if (isWord(bytes, from, to, "RFC822.SIZE")) this.#rfc822Size = number(c, MAX_NUMBER64, "a size in octets");
    else skipValue(c, this.#nesting - 1);
  }

  /** nstring or literal8 that is the content of a message: its octets do not become part of the text. */
  #body(c: Cursor, section: string): "body" {
    this.section = section;
    this.held = null;
    if (atLiteral(c)) {
      this.octets = literalHeader(c);
      if (!c.atEnd) throw c.expected("the end of the line behind the size of a literal");
    } else if (c.peek() === DQUOTE) {
      this.held = quotedOctets(c);
      this.octets = this.held.length;
    } else if (acceptNil(c)) {
      this.octets = null;
    } else {
      throw c.expected("the content of a message");
    }
    return "body";
  }
}

/**
 * The section of an item whose value is message content, null for every other item: BODY[..], BINARY[..], and the
 * items of RFC 3501 that are short for a BODY[..]. BODY without brackets is a structure.
 */
function sectionOfBody(bytes: Uint8Array, from: number, to: number, bracketed: string | null): string | null {
  if (bracketed !== null) {
    return isWord(bytes, from, to, "BODY") || isWord(bytes, from, to, "BINARY") ? bracketed : null;
  }
  if (isWord(bytes, from, to, "RFC822")) return "";
  if (isWord(bytes, from, to, "RFC822.HEADER")) return "HEADER";
  return isWord(bytes, from, to, "RFC822.TEXT") ? "TEXT" : null;
}

/**
 * section = "[" [section-spec] "]" ["<" number ">"]. The names in header-list may be quoted, and contain "]" then.
 * Returns what stands between the brackets.
 */
function bracketed(c: Cursor): string {
  c.expect(LBRACKET);
  if (c.accept(RBRACKET)) return partial("", c);
  const from = c.at;
  while (c.peek() !== RBRACKET) {
    if (c.peek() === DQUOTE) quotedOctets(c);
    else if (c.atEnd) throw c.expected('"]"');
    else c.at++;
  }
  const section = latin1(c.bytes.subarray(from, c.at));
  c.at++;
  return partial(section, c);
}

/** The section; passes over the octet at which a part of a body begins. */
function partial(section: string, c: Cursor): string {
  if (c.accept(LESS)) {
    number(c, MAX_NUMBER64, "the origin of a partial body");
    c.expect(GREATER);
  }
  return section;
}

/** fetch-mod-resp = "MODSEQ" SP "(" permsg-modsequence ")" (RFC 7162 section 7); 0 from servers that keep none. */
function permessageModSequence(c: Cursor): ModSeq {
  c.expect(LPAREN);
  const modSeq = modSequence(c);
  c.expect(RPAREN);
  return modSeq;
}

/** uniqueid, or 0, which is none: what the response says belongs to no message then. */
function uidOrNone(c: Cursor): number | null {
  const uid = number(c, MAX_NUMBER, "a UID");
  return uid === 0 ? null : uid;
}

/** INTERNALDATE SP date-time. What is a string but no date is null: that message lacks its date, no other does. */
function internalDate(c: Cursor): InternalDate | null {
  if (c.peek() !== DQUOTE) throw c.expected("a date-time");
  const from = c.at + 1;
  const to = from + DATE_TIME_OCTETS;
  // Nothing in a date-time has to be unescaped: read where it lies.
  const date = to < c.end && c.bytes[to] === DQUOTE ? readInternalDate(c.bytes, from, to) : null;
  if (date !== null) {
    c.at = to + 1;
    return date;
  }
  const octets = quotedOctets(c);
  return readInternalDate(octets, 0, octets.length);
}
