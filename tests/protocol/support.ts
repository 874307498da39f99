// What the tests of lib/protocol share: recorded sessions, the ways to cut octets into chunks, and a decoder driven to
// its end. Chunks are overwritten once they are no longer lent, so that a missing copy shows.

import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { Cursor } from "../../lib/protocol/cursor.ts";
import { type DecodeEvent, type DecodeLimits, Decoder, type Response } from "../../lib/protocol/mod.ts";

/** Pseudo-random numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** The octets as one chunk, as chunks of one octet, and cut at random places. */
export function chunkings(octets: Uint8Array, seed: number): ReadonlyMap<string, readonly Uint8Array[]> {
  const random = randomNumbers(seed);
  const single: Uint8Array[] = [];
  for (let i = 0; i < octets.length; i++) single.push(octets.slice(i, i + 1));
  const cut: Uint8Array[] = [];
  for (let from = 0; from < octets.length;) {
    const to = Math.min(octets.length, from + Math.floor(random() ** 2 * 60)); // empty chunks among them
    cut.push(octets.slice(from, to));
    from = to;
  }
  return new Map([["whole", [octets.slice()]], ["octet by octet", single], ["random cuts", cut]]);
}

/** An event, the body data of one body put together. */
export type SeenEvent =
  | Exclude<DecodeEvent, { kind: "body-data" }>
  | { readonly kind: "body-data"; readonly text: string };

export interface Decoded {
  readonly events: readonly SeenEvent[];
  /** Message of the ProtocolError that ended it. */
  readonly error: string | null;
  readonly decoder: Decoder;
}

/** Feeds all chunks and collects what comes out. An error other than ProtocolError escapes. */
export function decode(chunks: Iterable<Uint8Array>, limits?: DecodeLimits): Decoded {
  const decoder = new Decoder(limits);
  const events: SeenEvent[] = [];
  try {
    for (const chunk of chunks) {
      decoder.feed(chunk);
      for (let event = decoder.next(); event !== null; event = decoder.next()) see(events, event);
      chunk.fill(0x5a);
    }
  } catch (error) {
    if (error instanceof ProtocolError) return { events, error: error.message, decoder };
    throw error;
  }
  return { events, error: null, decoder };
}

function see(events: SeenEvent[], event: DecodeEvent): void {
  if (event.kind !== "body-data") {
    events.push(event);
    return;
  }
  const text = latin1(event.bytes);
  const last = events.at(-1);
  if (last?.kind === "body-data") events[events.length - 1] = { kind: "body-data", text: last.text + text };
  else events.push({ kind: "body-data", text });
}

/** As decode(), of text with one character for each octet. */
export function decodeText(text: string, limits?: DecodeLimits): Decoded {
  return decode([fromLatin1(text)], limits);
}

/** The one response that a text is; CRLF is added. Throws the ProtocolError as an Error of the test. */
export function response(line: string): Response {
  const { events, error } = decodeText(`${line}\r\n`);
  if (error !== null) throw new ProtocolError(error);
  const [event] = events;
  if (events.length !== 1 || event?.kind !== "response") throw new Error(`not one response: ${line}`);
  return event.response;
}

/** The error that a text leads to; an empty string when it is accepted. */
export function complaint(text: string, limits?: DecodeLimits): string {
  return decodeText(text, limits).error ?? "";
}

/** A cursor over a text. */
export function cursorOver(text: string): Cursor {
  const octets = fromLatin1(text);
  const cursor = new Cursor();
  cursor.set(octets, 0, octets.length);
  return cursor;
}

/** What a server sent in one recorded session. */
export interface Recording {
  /** "dovecot-2.3.19/quota.txt B" */
  readonly name: string;
  readonly octets: Uint8Array;
}

const TRANSCRIPTS = new URL("../transcripts/", import.meta.url);
const SERVER_FOLDER = /^(dovecot|cyrus|courier|hoodiecrow|mailutils)-/;

/**
 * Every recorded session below tests/transcripts. Their lines are "S: ..." and "C: ...", with the name of the session
 * before when there are several; "\xhh" stands for an octet.
 */
export function recordings(): readonly Recording[] {
  const found: Recording[] = [];
  for (const folder of [...Deno.readDirSync(TRANSCRIPTS)].filter(({ name }) => SERVER_FOLDER.test(name))) {
    for (const { name } of Deno.readDirSync(new URL(`${folder.name}/`, TRANSCRIPTS))) {
      const text = Deno.readTextFileSync(new URL(`${folder.name}/${name}`, TRANSCRIPTS));
      for (const [session, lines] of sessionsOf(text)) {
        const received = lines.map((line) => `${line}\r\n`).join("");
        found.push({ name: `${folder.name}/${name} ${session}`.trimEnd(), octets: fromLatin1(received) });
      }
    }
  }
  return found.sort((a, b) => a.name < b.name ? -1 : 1);
}

function sessionsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const sessions = new Map<string, string[]>();
  for (const [, session = "", line = ""] of text.matchAll(/^(?:([A-Z]) )?S:(?: (.*))?$/gm)) {
    const lines = sessions.get(session) ?? [];
    sessions.set(session, lines);
    lines.push(line.replace(/\\x([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))));
  }
  return sessions;
}
