// Recorded sessions of real servers (tests/transcripts) through the decoder: every line is understood, and the events
// do not depend on where the chunks end.

import assert from "node:assert/strict";
import { chunkings, decode, recordings, type SeenEvent } from "./support.ts";

function count(events: readonly SeenEvent[], test: (event: SeenEvent) => boolean): number {
  return events.filter(test).length;
}

for (const [index, { name, octets }] of recordings().entries()) {
  Deno.test(`Decoder gives the same events under any chunking when fed ${name}`, () => {
    const whole = decode([octets.slice()]);
    assert.equal(whole.error, null);
    assert.ok(whole.decoder.idle);
    assert.ok(whole.events.length > 0);
    for (const [chunking, chunks] of chunkings(octets, index)) {
      const { events, error, decoder } = decode(chunks);
      assert.equal(error, null, chunking);
      assert.deepEqual(events, whole.events, chunking);
      assert.ok(decoder.idle, chunking);
    }
  });
}

Deno.test("Decoder knows every response but those that the program has no use for, when fed all recordings", () => {
  const unknown = new Set<string>();
  for (const { octets } of recordings()) {
    for (const event of decode([octets.slice()]).events) {
      if (event.kind === "response" && event.response.kind === "unknown") unknown.add(event.response.name);
    }
  }
  assert.deepEqual([...unknown].sort(), ["ID", "MYRIGHTS", "NAMESPACE", "QUOTA", "QUOTAROOT"]);
});

Deno.test("Decoder separates bodies from items when fed Dovecot's answers to all ways of asking for a body", () => {
  const recording = recordings().find(({ name }) => name === "dovecot-2.3.19/bodies.txt");
  assert.ok(recording !== undefined);
  const { events } = decode([recording.octets.slice()]);
  // 3 + 12 + 9 (RFC822*) + 9 (partial) + 3 (BINARY) + 6 (HEADER.FIELDS)
  assert.equal(count(events, (event) => event.kind === "body-begin"), 42);
  assert.equal(count(events, (event) => event.kind === "body-end"), 42);
  for (const [i, event] of events.entries()) {
    if (event.kind !== "body-begin") continue;
    const next = events[i + 1];
    const length = next?.kind === "body-data" ? next.text.length : 0;
    assert.equal(length, event.octets);
  }
  const message = events.find((event) => event.kind === "body-data");
  assert.match(message?.kind === "body-data" ? message.text : "", /^From: [^]*J\xc3\xb6rg \) \* 1 FETCH \(UID 9\)\r\n/);
  const fetched = events.flatMap((event) =>
    event.kind === "response" && event.response.kind === "fetch" ? [event.response.items] : []
  );
  assert.deepEqual(fetched[0], {
    uid: 1,
    flags: { flags: ["\\Flagged", "\\Seen", "kw"], key: "\\Flagged \\Seen kw" },
    modSeq: 3n,
    internalDate: { seconds: 1577880000, zone: 0 },
    rfc822Size: 411,
  });
});
