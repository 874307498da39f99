// Small values of the model server: number sets, date-times, flags, quoted names, in its own words. It is a witness, so
// nothing here comes from lib/protocol. Knows no command and no mailbox.

/** First and last number, both included. */
export type Range = readonly [first: number, last: number];

/** A sequence-set of RFC 9051; null when it is none. `star`: what "*" stands for. */
export function parseSet(text: string, star: number): readonly Range[] | null {
  const ranges: Range[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d+|\*)(?::(\d+|\*))?$/.exec(part);
    if (match === null) return null;
    const [from, to] = [match[1], match[2] ?? match[1]].map((word) => word === "*" ? star : Number(word));
    if (from === undefined || to === undefined) return null;
    ranges.push([Math.min(from, to), Math.max(from, to)]);
  }
  return ranges;
}

/** More ranges than this are put in order once, and then searched by halves. */
const FEW_RANGES = 32;
const ordered = new WeakMap<readonly Range[], readonly Range[]>();

export function inSet(ranges: readonly Range[], number: number): boolean {
  if (ranges.length <= FEW_RANGES) return ranges.some(([first, last]) => first <= number && number <= last);
  const inOrder = ordered.get(ranges) ?? merged(ranges);
  ordered.set(ranges, inOrder);
  let [low, high] = [0, inOrder.length];
  // The last range that begins at or below the number is the only one that can hold it.
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((inOrder[middle]?.[0] ?? Infinity) <= number) low = middle + 1;
    else high = middle;
  }
  return (inOrder[low - 1]?.[1] ?? -Infinity) >= number;
}

/** Ascending, and none touches another. */
export function merged(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  for (const [first, last] of ranges.toSorted(([one], [other]) => one - other)) {
    const before = result.at(-1);
    if (before !== undefined && first <= before[1] + 1) {
      result[result.length - 1] = [before[0], Math.max(before[1], last)];
    } else result.push([first, last]);
  }
  return result;
}

/** Numbers in ascending order as a set: "1:3,7". */
export function formatSet(numbers: Iterable<number>): string {
  const words: string[] = [];
  let first = 0;
  let last = 0;
  const close = () => {
    if (first > 0) words.push(first === last ? `${first}` : `${first}:${last}`);
  };
  for (const number of numbers) {
    if (number === last + 1 && first > 0) last = number;
    else {
      close();
      first = last = number;
    }
  }
  close();
  return words.join(",");
}

/** Every number of a set, in the order in which they are named: for sets that are known to be small. */
export function expandSet(ranges: readonly Range[]): number[] {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

/** A date-time: seconds since the epoch, and the zone it is told in, in minutes east of UTC. */
export interface ModelDate {
  readonly seconds: number;
  readonly zone: number;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The date-time of RFC 9051, without quotes; null when it is none. */
export function parseDate(text: string): ModelDate | null {
  const match = /^([ \d]\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  const month = MONTHS.indexOf(match?.[2] ?? "");
  if (match === null || month < 0) return null;
  const [, day, , year, hour, minute, second, sign, zoneHours, zoneMinutes] = match;
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === "-" ? -1 : 1);
  const local = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  return { seconds: local / 1000 - zone * 60, zone };
}

export function formatDate({ seconds, zone }: ModelDate): string {
  const two = (number: number) => `${number}`.padStart(2, "0");
  const date = new Date((seconds + zone * 60) * 1000);
  const day = `${two(date.getUTCDate())}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  const away = Math.abs(zone);
  return `${day} ${time} ${zone < 0 ? "-" : "+"}${two(Math.floor(away / 60))}${two(away % 60)}`;
}

export const SYSTEM_FLAGS: readonly string[] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/** A flag as it is kept; null when a client may not set it. */
export function canonicalFlag(flag: string): string | null {
  if (flag.startsWith("\\")) return SYSTEM_FLAGS.find((known) => known.toLowerCase() === flag.toLowerCase()) ?? null;
  // deno-lint-ignore no-control-regex
  return /^[^\x00-\x20"%()*\\\]{\x7f-\xff]+$/.test(flag) ? flag : null;
}

/** Sorted and without doubles: equal sets are equal arrays. */
export function flagList(flags: Iterable<string>): readonly string[] {
  return [...new Set(flags)].sort();
}

/** A name as an astring that every client reads. */
export function quoteName(name: string): string {
  return /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;
}

/** INBOX in any case is "INBOX". */
export function foldInbox(name: string): string {
  return /^inbox$/i.test(name) ? "INBOX" : name;
}

/** Characters of one octet each. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

export function octetsOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
