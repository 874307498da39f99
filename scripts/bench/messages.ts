// The mail of the benchmark: the same seed, the same octets, flags and dates. Sizes are spread as in real mailboxes
// (log-normal around 4 KiB, up to 1 MiB). Pure; knows no server.

import { toBytes } from "../../tests/support/live/imap_values.ts";
import { SeededRandom } from "../../tests/support/live/seeded.ts";
import { digestOf } from "../../tests/support/live/witness.ts";

/** `small`: some 600 octets; `normal`: log-normal around 4 KiB; `big`: 10 to 26 MB. */
export type MessageKind = "small" | "normal" | "big";

export interface BenchMessage {
  readonly body: Uint8Array;
  /** SHA-256 of the body, in hex: there are no two messages with the same. */
  readonly digest: string;
  readonly flags: readonly string[];
  /** As APPEND wants it. */
  readonly internalDate: string;
}

export const KEYWORDS: readonly string[] = ["$Forwarded", "$MDNSent", "NonJunk", "work", "todo-2"];

const MiB = 1048576;
const LINE_OCTETS = 78;
const POOL_LINES = 16384;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LETTERS = toBytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/    eeenntt\xc3\xa9");

/** Lines of equal length that bodies are cut from: making them takes longer than copying. */
function makePool(random: SeededRandom): Uint8Array {
  const pool = new Uint8Array(POOL_LINES * LINE_OCTETS);
  for (let at = 0; at < pool.length; at++) pool[at] = LETTERS[random.below(LETTERS.length)] ?? 0;
  for (let end = LINE_OCTETS - 2; end < pool.length; end += LINE_OCTETS) pool.set([13, 10], end);
  return pool;
}

function randomSize(random: SeededRandom, kind: MessageKind): number {
  if (kind === "small") return random.between(150, 500);
  if (kind === "big") return random.between(10 * MiB, 25 * MiB);
  // Box and Muller
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Math.floor(Math.min(MiB, Math.max(300, 4096 * Math.exp(1.05 * normal))));
}

function randomFlags(random: SeededRandom, seen: number): string[] {
  const flags: string[] = [];
  if (random.chance(0.14)) flags.push("\\Answered");
  if (random.chance(0.01)) flags.push("\\Draft");
  if (random.chance(0.06)) flags.push("\\Flagged");
  if (random.chance(seen)) flags.push("\\Seen");
  if (random.chance(0.12)) flags.push(random.pick(KEYWORDS));
  return flags;
}

function randomDate(random: SeededRandom): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const time = [random.below(24), random.below(60), random.below(60)].map(two).join(":");
  const zone = random.pick(["+0000", "+0100", "+0200", "-0500", "+0530"]);
  return `${two(random.between(1, 28))}-${random.pick(MONTHS)}-${random.between(2011, 2025)} ${time} ${zone}`;
}

/** Makes the messages of one seed. */
export class MessageMaker {
  readonly #pool: Uint8Array;

  /** @param seen the share of messages with \Seen */
  constructor(readonly seed: number, readonly kind: MessageKind, readonly seen = 0.7) {
    this.#pool = makePool(new SeededRandom(seed));
  }

  /** Message number `number`, whatever was made before. */
  make(number: number): BenchMessage {
    const random = new SeededRandom(this.seed * 1_000_003 + number);
    const internalDate = randomDate(random);
    const lines = [
      `Received: from mx${random.below(9)}.example.net by mail.example.org with ESMTPS id ${random.below(2 ** 31)};`,
      `\t${internalDate}`,
      `Message-ID: <${number}.${random.below(2 ** 31)}@example.org>`,
      `Date: ${internalDate.replaceAll("-", " ")}`,
      `From: "User ${random.below(500)}" <user${random.below(500)}@example.net>`,
      "To: user@example.org",
      `Subject: message ${number}`,
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
    ];
    const head = toBytes(`${lines.join("\r\n")}\r\n\r\n`);
    const body = this.#body(head, randomSize(random, this.kind), random.below(POOL_LINES));
    return { body, digest: digestOf(body), flags: randomFlags(random, this.seen), internalDate };
  }

  /** About `octets` octets, in whole lines. */
  #body(head: Uint8Array, octets: number, firstLine: number): Uint8Array {
    const lines = Math.max(1, Math.round((octets - head.length) / LINE_OCTETS));
    const body = new Uint8Array(head.length + lines * LINE_OCTETS);
    body.set(head);
    let from = firstLine * LINE_OCTETS;
    for (let at = head.length; at < body.length;) {
      const part = this.#pool.subarray(from, Math.min(this.#pool.length, from + body.length - at));
      body.set(part, at);
      at += part.length;
      from = 0;
    }
    return body;
  }
}
