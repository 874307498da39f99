// Brings the header fields by which a copy is recognized into a normal form (RFC 5322 2.2, 3.6), so that what was
// appended and what a server later returns for BODY[HEADER.FIELDS (..)] give the same octets however it was folded or
// ordered. Digests, and whether two messages are one, are decided elsewhere.

/** The fields to ask for, as they stand in HEADER.FIELDS. */
export const IDENTIFYING_FIELDS: readonly string[] = ["MESSAGE-ID", "DATE", "FROM", "TO", "SUBJECT"];

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

const FIRST_OCTETS = 1024;
/** Moved one by one. */
const FEW_LINES = 32;

/**
 * Reads fields of one header after the other. One for each task: what it gives lies in a buffer of its own, because
 * strings and arrays for each message were most of what a first synchronization allocated.
 */
export class FieldReader {
  readonly #names: readonly string[];
  /** The same in lower case, as octets. */
  readonly #octets: readonly Uint8Array[];
  /** By the first octet of a line: whether a name begins so. */
  readonly #begins = new Uint8Array(256);
  /** "name:value" lines, each with its LF, in the order of the header; and in ascending order, when that is another. */
  #found = new Uint8Array(FIRST_OCTETS);
  #sorted = new Uint8Array(FIRST_OCTETS);
  #filled = 0;
  #lines = 0;
  // Not emptied for each message: an array that is gives up its memory, and takes new one for the next message.
  /** Where the lines begin in `#found`, and behind them where the last one ends. */
  readonly #starts: number[] = [];
  readonly #order: number[] = [];
  /** By the names: how often the field was there. */
  readonly #counts: number[];

  /** `names`: the fields to read; case does not matter. */
  constructor(names: readonly string[] = IDENTIFYING_FIELDS) {
    this.#names = names;
    this.#octets = names.map((name) => Uint8Array.from(name.toLowerCase(), (character) => character.charCodeAt(0)));
    this.#counts = names.map(() => 0);
    for (const [first = 0] of this.#octets) {
      this.#begins[first] = 1;
      this.#begins[first & ~0x20] = 1;
    }
  }

  /**
   * The fields of a message: "name:value" lines in ascending order, names in lower case, values without any white space,
   * LF between them. Fields without a value are left out, repeated ones all stay. Empty when there is none. Valid until
   * the next call.
   *
   * `header`: the message, or its beginning; CRLF or bare LF. Nothing behind the first empty line is looked at. A header
   * that is cut off before or inside a field gives another result than the whole one.
   */
  read(header: Uint8Array): Uint8Array {
    this.#filled = 0;
    this.#lines = 0;
    this.#counts.fill(0);
    let start = 0;
    while (start < header.length && !isEmptyLine(header, start)) {
      const name = this.#nameAt(header, start);
      const end = fieldEnd(header, start);
      if (name >= 0) this.#add(name, header, start, end);
      start = end;
    }
    if (this.#filled === 0) return this.#found.subarray(0, 0);
    this.#starts[this.#lines] = this.#filled;
    return (this.#sort() ? this.#found : this.#inOrder()).subarray(0, this.#filled - 1);
  }

  /** Whether the header that was read last has a value for the field of this name, spelled as it was at first. */
  has(name: string): boolean {
    return (this.#counts[this.#names.indexOf(name)] ?? 0) > 0;
  }

  /** Which field the line at `start` begins, or -1. White space before the colon: RFC 5322 4.5. */
  #nameAt(header: Uint8Array, start: number): number {
    if (this.#begins[header[start] ?? 0] === 0) return -1;
    for (let i = 0; i < this.#octets.length; i++) {
      const name = this.#octets[i];
      if (name !== undefined && startsWith(header, start, name) && colonBehind(header, start + name.length) > 0) {
        return i;
      }
    }
    return -1;
  }

  #add(name: number, header: Uint8Array, start: number, end: number): void {
    const octets = this.#octets[name] ?? header.subarray(0, 0);
    this.#makeRoom(octets.length + 2 + end - start);
    const found = this.#found;
    let at = this.#filled;
    for (let i = 0; i < octets.length; i++) found[at++] = octets[i] ?? 0;
    found[at++] = COLON;
    const valueAt = at;
    for (let from = colonBehind(header, start + octets.length); from < end; from++) {
      const octet = header[from] ?? 0;
      if (octet !== SPACE && octet !== LF && octet !== CR && octet !== TAB) found[at++] = octet;
    }
    if (at === valueAt) return;
    found[at++] = LF;
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    this.#starts[this.#lines++] = this.#filled;
    this.#filled = at;
  }

  #makeRoom(octets: number): void {
    const needed = this.#filled + octets;
    if (needed <= this.#found.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#found.length));
    grown.set(this.#found.subarray(0, this.#filled));
    this.#found = grown;
  }

  /** Puts the numbers of the lines in order. True when they are so in the header. */
  #sort(): boolean {
    if (this.#lines > FEW_LINES) return this.#sortMany();
    const order = this.#order;
    let ascending = true;
    for (let line = 0; line < this.#lines; line++) {
      let place = line;
      while (place > 0 && this.#isBefore(line, order[place - 1] ?? 0)) {
        order[place] = order[place - 1] ?? 0;
        place--;
      }
      ascending &&= place === line;
      order[place] = line;
    }
    return ascending;
  }

  /** The same in a time that no message can make long. */
  #sortMany(): boolean {
    const order = this.#order;
    for (let line = 0; line < this.#lines; line++) order[line] = line;
    order.length = this.#lines;
    order.sort((one, other) => this.#isBefore(one, other) ? -1 : this.#isBefore(other, one) ? 1 : one - other);
    return order.every((line, place) => line === place);
  }

  /** By octets; of two of which one is the beginning of the other the shorter one. */
  #isBefore(one: number, other: number): boolean {
    const found = this.#found;
    let mine = this.#starts[one] ?? 0;
    let theirs = this.#starts[other] ?? 0;
    while (found[mine] === found[theirs] && found[mine] !== LF) {
      mine++;
      theirs++;
    }
    const octet = found[mine] ?? LF;
    const against = found[theirs] ?? LF;
    // LF ends a line: there are octets below it that a value can hold.
    return octet !== against && (octet === LF || (against !== LF && octet < against));
  }

  #inOrder(): Uint8Array {
    if (this.#sorted.length < this.#filled) this.#sorted = new Uint8Array(this.#found.length);
    const found = this.#found;
    const sorted = this.#sorted;
    let at = 0;
    for (let place = 0; place < this.#lines; place++) {
      const line = this.#order[place] ?? 0;
      const end = this.#starts[line + 1] ?? 0;
      for (let from = this.#starts[line] ?? 0; from < end; from++) sorted[at++] = found[from] ?? 0;
    }
    return sorted;
  }
}

/** Mail whose line ends were converted twice has CR CR LF, at which Dovecot 2.3.19 ends the header as well. */
function isEmptyLine(header: Uint8Array, start: number): boolean {
  let at = start;
  while (header[at] === CR && at < start + 2) at++;
  return header[at] === LF;
}

/** `octets` in lower case; the header's in any case. */
function startsWith(header: Uint8Array, start: number, octets: Uint8Array): boolean {
  for (let i = 0; i < octets.length; i++) {
    const octet = header[start + i] ?? 0;
    const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    if (lower !== octets[i]) return false;
  }
  return true;
}

/** Behind the colon that follows blanks, if any, or 0 when something else does. */
function colonBehind(header: Uint8Array, start: number): number {
  let at = start;
  while (isBlank(header[at])) at++;
  return header[at] === COLON ? at + 1 : 0;
}

/** Behind the last line of the field, continuation lines included. */
function fieldEnd(header: Uint8Array, start: number): number {
  let end = start;
  do {
    const lf = header.indexOf(LF, end);
    if (lf < 0) return header.length;
    end = lf + 1;
  } while (isBlank(header[end]));
  return end;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}
