// What decoding and encoding IMAP costs. A name ends in what one iteration works through: `/ 1000 messages`;
// scripts/microbench.ts divides by it.

import { append, type AppendMessage, Decoder, encode, UidSet, uidStore } from "../../lib/protocol/mod.ts";
import { toBytes } from "../support/live/imap_values.ts";
import { messageOfSize } from "../support/live/mail.ts";

const COUNT = 1000;
const MESSAGE_OCTETS = 4096;
/** As they come from a socket. */
const CHUNK_OCTETS = 65536;

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function decodeAll(octets: Uint8Array): number {
  const decoder = new Decoder();
  let events = 0;
  for (let at = 0; at < octets.length; at += CHUNK_OCTETS) {
    decoder.feed(octets.subarray(at, at + CHUNK_OCTETS));
    while (decoder.next() !== null) events++;
  }
  return events;
}

const indexes = Array.from({ length: COUNT }, (_, index) => index + 1);
const body = messageOfSize("message", MESSAGE_OCTETS);
const bodies = joined(indexes.flatMap((index) => [
  toBytes(
    `* ${index} FETCH (UID ${index * 2} MODSEQ (${index + 77}) FLAGS (\\Seen \\Answered) ` +
      `INTERNALDATE "22-Nov-2026 01:35:43 +0530" BODY[] {${MESSAGE_OCTETS}}\r\n`,
  ),
  body,
  toBytes(")\r\n"),
]));
const flagLines = toBytes(
  indexes.map((index) => `* ${index} FETCH (UID ${index * 2} MODSEQ (${index + 77}) FLAGS (\\Seen work))\r\n`).join(""),
);
const statusLines = toBytes(
  indexes.map((index) =>
    `* LIST (\\Subscribed) "/" "Lists/list-${index}"\r\n` +
    `* STATUS "Lists/list-${index}" (UIDNEXT 501 UIDVALIDITY 1700000000 HIGHESTMODSEQ 1234)\r\n`
  ).join(""),
);
const vanished = toBytes(
  `* VANISHED (EARLIER) ${indexes.map((index) => `${index * 3}:${index * 3 + 1}`).join(",")}\r\n`,
);

Deno.bench({
  group: "decode",
  name: `FETCH with bodies of 4 KiB / ${COUNT} messages`,
  fn: () => void decodeAll(bodies),
});
Deno.bench({
  group: "decode",
  name: `FETCH with bodies of 4 KiB / ${bodies.length} octets`,
  fn: () => void decodeAll(bodies),
});
Deno.bench({ group: "decode", name: `FETCH of flags / ${COUNT} messages`, fn: () => void decodeAll(flagLines) });
Deno.bench({ group: "decode", name: `LIST and STATUS / ${COUNT} mailboxes`, fn: () => void decodeAll(statusLines) });
Deno.bench({ group: "decode", name: `VANISHED / ${COUNT} ranges`, fn: () => void decodeAll(vanished) });

const flags = ["\\Seen", "\\Answered"];
const internalDate = { seconds: 1795290000, zone: 330 };
const outgoing: readonly AppendMessage[] = indexes.map(() => ({ flags, internalDate, body }));
const everyThird = UidSet.of(indexes.map((index) => index * 3));

Deno.bench({
  group: "encode",
  name: `APPEND of several messages / ${COUNT} messages`,
  fn: () => void [...encode("a1", append("INBOX", outgoing), "plus")],
});
Deno.bench({
  group: "encode",
  name: `APPEND of several messages / ${COUNT * body.length} octets`,
  fn: () => void [...encode("a1", append("INBOX", outgoing), "plus")],
});
Deno.bench({
  group: "encode",
  name: `UID STORE to scattered messages / ${COUNT} messages`,
  fn: () => void [...encode("a1", uidStore(everyThird, { mode: "replace", flags, unchangedSince: 1234n }), "plus")],
});
