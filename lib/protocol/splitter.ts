// Cuts a stream of octets into lines and literals, wherever the chunks end (RFC 9051 2.2, section 4). It knows CRLF and
// how a literal is announced, and keeps the bounds; what is a body, an inlined literal or a response, others say.
// Text inside one chunk is looked at where it lies; only what crosses chunks, or has literals inlined, is copied.

import { ProtocolError } from "../errors.ts";
import { type Cursor, excerpt } from "./cursor.ts";
import { BACKSLASH, CR, DIGIT_0, DQUOTE, isDigit, LBRACE, LF, LPAREN, NUL, PLUS, RBRACE, RPAREN } from "./octets.ts";
import type { DecodeLimits } from "./types.ts";

const NOTHING = new Uint8Array(0);
const CRLF = Uint8Array.of(CR, LF);
const FIRST_CAPACITY_OCTETS = 256;
/** Memory for the text of one response that is kept for the next. */
const KEPT_CAPACITY_OCTETS = 65536;
const EXCERPT_OCTETS = 80;

/** Reads one stream; all positions are inside the current response. */
export class Splitter {
  readonly #limits: DecodeLimits;
  /** What was fed, and where the octets begin that were not consumed. */
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  /** The text of the response that had to be copied: lines with their inner CRLFs, and inlined literals. */
  #kept: Uint8Array = NOTHING;
  #keptLength = 0;
  /** Where in #kept the current line begins. */
  #lineStart = 0;
  /** The octet before the chunk was a CR, which may end the line. */
  #carriageReturn = false;
  /** Octets of lines, and of lines and literals, so far; the CRLFs not counted. */
  #lineOctets = 0;
  #responseOctets = 0;
  #literalLeft = 0;
  /** Nothing of the response but its first line was seen. */
  #firstLine = true;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
  }

  /** The chunk is only borrowed until a method returned false or null for want of octets. */
  feed(chunk: Uint8Array): void {
    this.#chunk = this.#at < this.#chunk.length ? concat(this.#chunk.subarray(this.#at), chunk) : chunk;
    this.#at = 0;
  }

  /** Nothing of a response is held. */
  get idle(): boolean {
    return this.#at === this.#chunk.length && this.#keptLength === 0 && !this.#carriageReturn;
  }

  /** A copy of everything not consumed, an incomplete response included; forgets it. */
  takeRest(): Uint8Array {
    const kept = this.#kept.subarray(0, this.#keptLength);
    const ended = this.#carriageReturn ? concat(kept, CRLF.subarray(0, 1)) : kept;
    const rest = concat(ended, this.#chunk.subarray(this.#at));
    this.#chunk = NOTHING;
    this.#at = 0;
    this.endResponse();
    return rest;
  }

  /**
   * The next line, without its CRLF, behind the text of the response so far; the cursor is set to the whole of it.
   * False when it is not complete.
   * @throws ProtocolError for a bare CR or LF, a NUL, and a line or response that is too long
   */
  line(cursor: Cursor): boolean {
    const chunk = this.#chunk;
    const from = this.#at;
    if (from === chunk.length) return false;
    if (this.#carriageReturn) return this.#lineFeed(cursor, chunk[from]);
    const to = endOfText(chunk, from);
    this.#count(to - from, to);
    if (to < chunk.length && chunk[to] !== CR) throw this.#malformed(to, chunk[to] === LF ? "CRLF" : "no NUL");
    if (to + 1 < chunk.length) {
      if (chunk[to + 1] !== LF) throw this.#malformed(to, "LF behind CR");
      return this.#complete(cursor, from, to);
    }
    this.#keep(chunk.subarray(from, to));
    this.#carriageReturn = to < chunk.length;
    this.#at = chunk.length;
    return false;
  }

  /** The line that is complete in the chunk, from..to. */
  #complete(cursor: Cursor, from: number, to: number): true {
    this.#at = to + 2;
    if (this.#keptLength === 0) {
      cursor.set(this.#chunk, from, to);
    } else {
      this.#keep(this.#chunk.subarray(from, to));
      cursor.set(this.#kept, 0, this.#keptLength, this.#lineStart);
    }
    return true;
  }

  /** The line that is kept already, up to and with its CR. */
  #lineFeed(cursor: Cursor, octet: number | undefined): true {
    if (octet !== LF) throw this.#malformed(this.#at, "LF behind CR");
    this.#carriageReturn = false;
    this.#at++;
    cursor.set(this.#kept, 0, this.#keptLength, this.#lineStart);
    return true;
  }

  /**
   * Takes the line that `cursor` was set to, which announces a literal of so many octets, into the text of the
   * response; `literal()` then adds the octets. The cursor must not be used until the next line.
   * @throws ProtocolError when the literal or the response is too long
   */
  inlineLiteral(cursor: Cursor, octets: number): void {
    if (octets > this.#limits.literal) {
      throw new ProtocolError(
        `A literal of ${octets} octets is announced, at most ${this.#limits.literal} are accepted`,
      );
    }
    this.#countResponse(octets);
    if (cursor.bytes !== this.#kept) this.#keep(cursor.bytes.subarray(cursor.start, cursor.end));
    this.#keep(CRLF);
    this.#literalLeft = octets;
    this.#firstLine = false;
  }

  /** Adds octets of the announced literal to the text; true when it is complete. */
  literal(): boolean {
    const taken = this.body(this.#literalLeft);
    if (taken !== null) {
      this.#keep(taken);
      this.#literalLeft -= taken.length;
    }
    this.#lineStart = this.#keptLength;
    return this.#literalLeft === 0;
  }

  /** At most so many of the next octets, where they lie; null when there are none. */
  body(octets: number): Uint8Array | null {
    const from = this.#at;
    const to = Math.min(this.#chunk.length, from + octets);
    if (from === to) return null;
    this.#at = to;
    return this.#chunk.subarray(from, to);
  }

  /** Forgets the text so far: it was read. What follows belongs to the same response. */
  discardText(): void {
    this.#keptLength = 0;
    this.#lineStart = 0;
    this.#firstLine = false;
    if (this.#kept.length > KEPT_CAPACITY_OCTETS) this.#kept = NOTHING;
  }

  /** The next line begins a response. */
  endResponse(): void {
    this.discardText();
    this.#carriageReturn = false;
    this.#lineOctets = 0;
    this.#responseOctets = 0;
    this.#literalLeft = 0;
    this.#firstLine = true;
  }

  /** Counts octets of a line, which end at `to` in the chunk, before they are kept. */
  #count(octets: number, to: number): void {
    this.#lineOctets += octets;
    if (this.#lineOctets > this.#limits.line) {
      throw this.#malformed(to, `a line of at most ${this.#limits.line} octets`);
    }
    this.#countResponse(octets);
  }

  #countResponse(octets: number): void {
    this.#responseOctets += octets;
    if (this.#responseOctets > this.#limits.response) {
      throw new ProtocolError(`A response is longer than the ${this.#limits.response} octets that are accepted`);
    }
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#keptLength + bytes.length;
    if (length > this.#kept.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#kept.length, FIRST_CAPACITY_OCTETS));
      grown.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = grown;
    }
    this.#kept.set(bytes, this.#keptLength);
    this.#keptLength = length;
  }

  /** What was expected at `to` in the chunk; with the beginning of the line when it is the first of a response. */
  #malformed(to: number, expected: string): ProtocolError {
    const kept = this.#kept.subarray(0, Math.min(this.#keptLength, EXCERPT_OCTETS));
    const line = concat(kept, this.#chunk.subarray(this.#at, Math.min(to, this.#at + EXCERPT_OCTETS - kept.length)));
    const shown = this.#firstLine && line.length > 0 ? ` in: ${excerpt(line, 0, line.length, true)}` : "";
    return new ProtocolError(`Malformed response: expected ${expected} at octet ${this.#lineOctets}${shown}`);
  }
}

/** The first CR, LF or NUL at or behind `from`, or the end of the chunk. */
function endOfText(chunk: Uint8Array, from: number): number {
  const to = chunk.length;
  let i = from;
  for (; i < to; i++) {
    const octet = chunk[i] ?? 0;
    if (octet <= CR && (octet === CR || octet === LF || octet === NUL)) break;
  }
  return i;
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/**
 * Octets of the literal that the last line of the text announces ("{5}", "{5+}", "~{5}" at its end), or -1.
 * @throws ProtocolError when the number is beyond counting
 */
export function announcedLiteral(c: Cursor): number {
  const { bytes, lineStart } = c;
  let at = c.end - 1;
  if (at < lineStart || bytes[at] !== RBRACE) return -1;
  at--;
  if (at >= lineStart && bytes[at] === PLUS) at--;
  const last = at;
  while (at >= lineStart && isDigit(bytes[at] ?? 0)) at--;
  if (at === last || at < lineStart || bytes[at] !== LBRACE) return -1;
  let octets = 0;
  for (let i = at + 1; i <= last; i++) octets = octets * 10 + (bytes[i] ?? 0) - DIGIT_0;
  if (octets <= Number.MAX_SAFE_INTEGER) return octets;
  throw new ProtocolError("A literal is announced whose size is beyond counting");
}

/** How many parentheses are open at the end of the last line of the text, `open` being open before it. */
export function parenthesesAfterLine(c: Cursor, open: number): number {
  const { bytes, end } = c;
  let depth = open;
  let quoted = false;
  for (let i = c.lineStart; i < end; i++) {
    const octet = bytes[i];
    if (octet === DQUOTE) quoted = !quoted;
    else if (quoted) i += octet === BACKSLASH ? 1 : 0;
    else if (octet === LPAREN) depth++;
    else if (octet === RPAREN) depth--;
  }
  return depth;
}
