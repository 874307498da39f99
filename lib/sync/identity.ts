// Brings the header fields by which a copy is recognized into a normal form (RFC 5322 2.2, 3.6), so that what was
// appended and what a server later returns for BODY[HEADER.FIELDS (..)] give the same text however it was folded or
// ordered. Octets in, one character per octet out; digests, and whether two messages are one, are decided elsewhere.

import { latin1 } from "../base/bytes.ts";

/** The fields to ask for, as they stand in HEADER.FIELDS. */
export const IDENTIFYING_FIELDS: readonly string[] = ["MESSAGE-ID", "DATE", "FROM", "TO", "SUBJECT"];

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

/** Names of header fields, ready to be looked for. */
export type FieldNames = readonly { readonly name: string; readonly octets: Uint8Array }[];

export function fieldNames(names: readonly string[]): FieldNames {
  return names.map((name) => ({
    name: name.toLowerCase(),
    octets: Uint8Array.from(name.toLowerCase(), (character) => character.charCodeAt(0)),
  }));
}

const FIELDS = fieldNames(IDENTIFYING_FIELDS);

/**
 * The identifying fields of a message: "name:value" lines in ascending order, names in lower case, values without any
 * white space. Fields without a value are left out, repeated ones all stay. "" when there is none.
 *
 * `header`: the message, or its beginning; CRLF or bare LF. Nothing behind the first empty line is looked at. A header
 * that is cut off before or inside an identifying field gives another text than the whole one. `names`: other fields.
 */
export function identifyingFields(header: Uint8Array, names: FieldNames = FIELDS): string {
  const lines: string[] = [];
  let start = 0;
  while (start < header.length) {
    if (isEmptyLine(header, start)) break;
    const field = fieldAt(header, start, names);
    const end = fieldEnd(header, start);
    if (field !== null) {
      const value = withoutSpace(header, field.valueStart, end);
      if (value !== "") lines.push(`${field.name}:${value}`);
    }
    start = end;
  }
  return lines.sort().join("\n");
}

/** Mail whose line ends were converted twice has CR CR LF, at which Dovecot 2.3.19 ends the header as well. */
function isEmptyLine(header: Uint8Array, start: number): boolean {
  let at = start;
  while (header[at] === CR && at < start + 2) at++;
  return header[at] === LF;
}

/** Which identifying field the line at `start` begins, or null. White space before the colon: RFC 5322 4.5. */
function fieldAt(
  header: Uint8Array,
  start: number,
  names: FieldNames,
): { name: string; valueStart: number } | null {
  for (const { name, octets } of names) {
    if (!startsWith(header, start, octets)) continue;
    let colon = start + octets.length;
    while (isBlank(header[colon])) colon++;
    if (header[colon] === COLON) return { name, valueStart: colon + 1 };
  }
  return null;
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

/** Where a value is put together, if it fits: an array for each would be most of what is allocated for a message. */
const SCRATCH = new Uint8Array(4096);

/** The octets from `start` to before `end` that are no white space, as characters. */
function withoutSpace(header: Uint8Array, start: number, end: number): string {
  const octets = end - start <= SCRATCH.length ? SCRATCH : new Uint8Array(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    const octet = header[at] ?? 0;
    if (octet !== SPACE && octet !== LF && octet !== CR && octet !== TAB) octets[length++] = octet;
  }
  return latin1(octets.subarray(0, length));
}
