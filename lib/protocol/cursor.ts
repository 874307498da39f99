// The reading head over the text of one response, literals inlined. It knows octets and words, no grammar:
// `accept*` consumes and says whether, `expect*` throws, `expected()` makes the error that says where and what.

import { latin1 } from "../base/bytes.ts";
import { ProtocolError } from "../errors.ts";
import { ATOM, BACKSLASH, DIGIT_0, DQUOTE, endOf, isA, isDigit, isWord, LBRACE, PLUS, RBRACE } from "./octets.ts";

const EXCERPT_OCTETS = 60;
const EXCERPT_BEFORE_OCTETS = 20;

/**
 * How much of a response an error may show. `masked`: strings and literals are left out, and the excerpt begins at
 * `mark`, which is never inside one. `none`: what comes may be the content of a message.
 */
export type Excerpts = "plain" | "masked" | "none";

export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** The text is bytes[start..end). */
  start = 0;
  end = 0;
  /** Where the text of the last line begins: behind the last inlined literal. */
  lineStart = 0;
  at = 0;
  mark = 0;
  excerpts: Excerpts = "plain";

  set(bytes: Uint8Array, start: number, end: number, lineStart: number = start): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.lineStart = lineStart;
    this.at = start;
    this.mark = start;
  }

  /** The next octet, -1 at the end. */
  peek(): number {
    return this.at < this.end ? this.bytes[this.at] ?? -1 : -1;
  }

  get atEnd(): boolean {
    return this.at >= this.end;
  }

  accept(octet: number): boolean {
    if (this.peek() !== octet) return false;
    this.at++;
    return true;
  }

  expect(octet: number): void {
    if (!this.accept(octet)) throw this.expected(`"${String.fromCharCode(octet)}"`);
  }

  /** Consumes this word (in upper case here, in any case there) when it stands alone. */
  acceptWord(word: string): boolean {
    const to = this.at + word.length;
    if (to > this.end || !isWord(this.bytes, this.at, to, word)) return false;
    if (to < this.end && isA(this.bytes[to] ?? -1, ATOM)) return false;
    this.at = to;
    return true;
  }

  expectWord(word: string): void {
    if (!this.acceptWord(word)) throw this.expected(word);
  }

  /** At least one octet of a class, as text. */
  expectRun(classes: number, what: string): string {
    const from = this.at;
    this.at = endOf(this.bytes, from, this.end, classes);
    if (this.at === from) throw this.expected(what);
    return latin1(this.bytes.subarray(from, this.at));
  }

  /** Data behind the end of a response is refused: it would be lost, and nobody could tell what it was. */
  expectEnd(): void {
    if (!this.atEnd) throw this.expected("the end of the response");
  }

  /** The rest, as text. */
  rest(): string {
    const from = this.at;
    this.at = this.end;
    return latin1(this.bytes.subarray(from, this.end));
  }

  /** The error for what does not stand here. The offset counts octets of the response, the first being 0. */
  expected(what: string): ProtocolError {
    return new ProtocolError(`Malformed response: expected ${what} at octet ${this.at - this.start}${this.#excerpt()}`);
  }

  #excerpt(): string {
    if (this.excerpts === "none") return "";
    if (this.excerpts === "masked") return ` in: ${excerpt(this.bytes, this.mark, this.end, true)}`;
    const from = Math.max(this.start, this.at - EXCERPT_BEFORE_OCTETS);
    return ` in: ${excerpt(this.bytes, from, this.end, false)}`;
  }
}

/** At most 60 octets for an error text, in ASCII; `masked` leaves out what stands in strings and literals. */
export function excerpt(bytes: Uint8Array, from: number, to: number, masked: boolean): string {
  let text = "";
  let i = from;
  while (i < to && text.length < EXCERPT_OCTETS) {
    const octet = bytes[i] ?? 0;
    i++;
    text += octet < 0x20 || octet >= 0x7f ? `\\x${octet.toString(16).padStart(2, "0")}` : String.fromCharCode(octet);
    if (!masked) continue;
    if (octet === DQUOTE) {
      i = endOfQuoted(bytes, i, to);
      text += '..."';
    } else if (octet === LBRACE) {
      i = endOfLiteral(bytes, i, to);
      text += "...}";
    }
  }
  return i < to ? `${text.slice(0, EXCERPT_OCTETS)}...` : text.slice(0, EXCERPT_OCTETS);
}

/** Behind the closing quote, `from` being behind the opening one. */
function endOfQuoted(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== DQUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return Math.min(i + 1, to);
}

/** Behind the octets of an inlined literal, `from` being behind the brace; `to` when it is not a literal. */
function endOfLiteral(bytes: Uint8Array, from: number, to: number): number {
  let octets = 0;
  let i = from;
  while (i < to && isDigit(bytes[i] ?? 0)) octets = octets * 10 + (bytes[i++] ?? 0) - DIGIT_0;
  if (bytes[i] === PLUS) i++;
  const CRLF_OCTETS = 2;
  return bytes[i] === RBRACE ? Math.min(i + 1 + CRLF_OCTETS + octets, to) : to;
}
