// The test's own reading of IMAP data (RFC 9051 4): octets in, values out. Deliberately simple, and written without
// a look at lib/: what the program's decoder believes must not decide what the tests see.

/** Atom, number or quoted string (one character per octet), literal, list, NIL. */
export type Value = string | Uint8Array | null | readonly Value[];

const latin1 = new TextDecoder("latin1");

/** One character per octet. */
export function toText(bytes: Uint8Array): string {
  return latin1.decode(bytes);
}

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** An IMAP quoted string. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** The text of an atom, a quoted string or a literal. */
export function asText(value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return toText(value);
  throw new Error(`Expected a string, found ${JSON.stringify(value)}`);
}

export function asList(value: Value | undefined): readonly Value[] {
  if (Array.isArray(value)) return value;
  throw new Error(`Expected a list, found ${JSON.stringify(value)}`);
}

/**
 * Reads one response that was cut at its literals: `texts[0]`, literal 0, `texts[1]`, ... Each text that stands before
 * a literal still ends in `{n}`.
 */
export function parseValues(texts: readonly string[], literals: readonly Uint8Array[]): Value[] {
  const open: Value[][] = [[]];
  const add = (value: Value) => open.at(-1)?.push(value);
  texts.forEach((text, index) => {
    for (const [token, string] of text.matchAll(/"((?:[^"\\]|\\.)*)"|[()]|[^\s()"]+/gs)) {
      if (token === "(") open.push([]);
      else if (token === ")") closeList(open);
      else if (string !== undefined) add(string.replace(/\\(.)/gs, "$1"));
      else if (/^\{\d+\}$/.test(token) && text.endsWith(token)) add(literals[index] ?? null);
      else add(token.toUpperCase() === "NIL" ? null : token);
    }
  });
  return open[0] ?? [];
}

function closeList(open: Value[][]): void {
  const list = open.pop();
  const parent = open.at(-1);
  if (list === undefined || parent === undefined) throw new Error("Parenthesis closed that was not open");
  parent.push(list);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `"22-Nov-2026 01:35:43 +0530"` as seconds since the epoch. */
export function parseInternalDate(text: string): number {
  const match = /^ ?(\d+)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  if (match === null) throw new Error(`Not a date-time: ${text}`);
  const [, day, month, year, hour, minute, second, sign, zoneHours, zoneMinutes] = match;
  const utc = Date.UTC(
    Number(year),
    MONTHS.indexOf(month ?? ""),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === "-" ? -60 : 60);
  return utc / 1000 - zone;
}
