// Messages for tests: bodies that are what they are down to the octet, dates, flags.

import { toBytes } from "./imap_values.ts";
import type { NewMessage } from "../imap_probe.ts";
import type { SeededRandom } from "./seeded.ts";

export const SYSTEM_FLAGS: readonly string[] = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];
export const KEYWORDS: readonly string[] = ["$Forwarded", "$Junk", "Later", "work-2"];

/** A message of which there is only one with this `id`. */
export function plainMessage(id: string, text = "Hello."): Uint8Array {
  return toBytes(
    `From: Alice <alice@example.net>\r\nTo: bob@example.org\r\nSubject: ${id}\r\n` +
      `Date: Sun, 22 Nov 2026 01:35:43 +0000\r\nMessage-ID: <${id}@example.net>\r\n\r\n${text}\r\n`,
  );
}

/** A message of exactly `octets` octets, in lines of at most 78. */
export function messageOfSize(id: string, octets: number): Uint8Array {
  const head = plainMessage(id, "");
  const body = new Uint8Array(octets).fill("x".charCodeAt(0));
  body.set(head.subarray(0, octets));
  for (let end = head.length + 76; end + 2 < octets; end += 78) body.set([13, 10], end);
  if (octets >= head.length + 2) body.set([13, 10], octets - 2);
  return body;
}

/** Bodies that trip up parsers, by a name. */
export function awkwardBodies(): Record<string, Uint8Array> {
  const everyOctet = Array.from({ length: 255 }, (_, index) => index + 1).filter((octet) =>
    octet !== 10 && octet !== 13
  );
  return {
    "one octet": toBytes("x"),
    "no header": toBytes("\r\nnothing above\r\n"),
    "header only": toBytes("Subject: header only\r\n\r\n"),
    "no end of line": toBytes("Subject: cut\r\n\r\nends without a line end"),
    "dot lines": plainMessage("dots", ".\r\n..\r\n.\r\n"),
    "looks like IMAP": plainMessage("imap", 'a1 OK done\r\n* 1 EXISTS\r\n* BYE\r\nx {10}\r\ny {10+}\r\n)\r\n"(\\'),
    "8 bit": plainMessage("8bit", "\xe9t\xe9 \xff\xfe \x80\x81"),
    "every octet": Uint8Array.from([...plainMessage("binary", ""), ...everyOctet, 13, 10]),
    "long line": plainMessage("long", "y".repeat(20_000)),
    "ends in a brace": toBytes("Subject: brace\r\n\r\n{3}"),
  };
}

const ZONES = ["+0000", "-0000", "+0530", "-0930", "+1400", "-1200", "+0001", "+1245"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A date-time between 1971 and 2036, in whatever zone. */
export function randomDate(random: SeededRandom): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const time = [random.below(24), random.below(60), random.below(60)].map(two).join(":");
  return `${two(random.between(1, 28))}-${random.pick(MONTHS)}-${random.between(1971, 2036)} ${time} ${
    random.pick(ZONES)
  }`;
}

/** Some of all flags and keywords, sorted. */
export function randomFlags(random: SeededRandom): string[] {
  return random.some([...SYSTEM_FLAGS, ...KEYWORDS], 0.3).sort();
}

/** Small, unique, with random flags and date. */
export function randomMessage(random: SeededRandom, id: string): NewMessage & { readonly flags: readonly string[] } {
  return {
    body: plainMessage(id, "z".repeat(random.below(300))),
    flags: randomFlags(random),
    internalDate: randomDate(random),
  };
}
