// The tools of the live tests, tried on cases whose answers are known: a witness that sees nothing would let every
// other test here pass.

import assert from "node:assert/strict";
import { parseInternalDate, parseValues, toBytes, toText } from "../support/live/imap_values.ts";
import type { Mapping } from "../support/live/mapping.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { compareFacts, type MessageFacts, type StoreFacts } from "../support/live/witness.ts";
import { Relay, type RelayRules } from "../support/relay.ts";

function message(uid: number, changes: Partial<MessageFacts> = {}): MessageFacts {
  return { uid, flags: ["\\Seen"], internalDate: 1000, octets: 3, digest: `digest-${uid % 10}`, ...changes };
}

function store(messages: readonly MessageFacts[], subscribed: readonly string[] = ["box"]): StoreFacts {
  return { mailboxes: new Map([["box", { uidValidity: 7, uidNext: 100, messages }]]), subscribed: new Set(subscribed) };
}

function mapping(pairs: readonly (readonly [local: number, remote: number])[], uidNext = 20): Mapping {
  const cursor = { uidValidity: 7, uidNext };
  return new Map([["box", {
    subscribed: true,
    local: cursor,
    remote: cursor,
    pairs: pairs.map(([local, remote]) => ({ local, remote })),
  }]]);
}

const LOCAL = store([message(1), message(2)]);
const REMOTE = store([message(12), message(11)]);
const GOOD = mapping([[1, 11], [2, 12]]);

Deno.test("`compareFacts()` finds nothing when both sides and the mapping are in order", () => {
  assert.deepEqual(compareFacts(LOCAL, REMOTE, GOOD), []);
  assert.deepEqual(compareFacts(LOCAL, REMOTE), []);
});

Deno.test("`compareFacts()` names what is different on the two sides", () => {
  const differing = (remote: StoreFacts) => compareFacts(LOCAL, remote).join("\n");
  assert.match(differing(store([message(11)])), /only local has UID 2/);
  assert.match(differing(store([message(11), message(12), message(13)])), /only remote has UID 13/);
  assert.match(
    differing(store([message(11), message(12, { flags: ["\\Seen", "kw"] })])),
    /only remote has UID 12 .*kw/,
  );
  assert.match(differing(store([message(11), message(12, { internalDate: 1001 })])), /only local has UID 2/);
  assert.match(differing(store([message(11), message(12, { digest: "other" })])), /only remote has UID 12/);
  assert.match(differing(store([message(11), message(12), message(22)])), /same body twice: UID 22/);
  assert.match(differing(store([message(11), message(12)], [])), /box: subscribed on local only/);
  assert.match(differing({ mailboxes: new Map(), subscribed: new Set(["box"]) }), /box: exists on local only/);
});

Deno.test("`compareFacts()` names what is wrong with the mapping", () => {
  const wrong = (pairs: Mapping) => compareFacts(LOCAL, REMOTE, pairs).join("\n");
  assert.match(wrong(mapping([[1, 11]])), /local UID 2 is not mapped\n.*remote UID 12 is not mapped/);
  assert.match(wrong(mapping([[1, 12], [2, 11]])), /pair \(1,12\) differs/);
  assert.match(wrong(mapping([[1, 11], [2, 12], [3, 13]])), /mapped local UID 3 does not exist/);
  assert.match(wrong(mapping([[1, 11], [2, 12], [2, 12]])), /a local UID is mapped twice/);
  assert.match(wrong(mapping([[1, 11], [2, 12]], 2)), /stored UIDNEXT of local is 2/);
  assert.match(wrong(mapping([[1, 11], [2, 12]], 101)), /stored UIDNEXT of local is 101/);
  assert.match(wrong(new Map()), /box: not in the database/);
});

Deno.test("`parseValues()` tells atoms, strings, literals and lists apart", () => {
  const octets = toBytes("(not) a {5} list\r\n");
  const values = parseValues(['* 1 FETCH (FLAGS (\\Seen "k\\"w") X NIL BODY[] {18}', ' UID 5 Y "" Z {3})'], [octets]);
  assert.deepEqual(values, ["*", "1", "FETCH", [
    "FLAGS",
    ["\\Seen", 'k"w'],
    "X",
    null,
    "BODY[]",
    octets,
    "UID",
    "5",
    "Y",
    "",
    "Z",
    "{3}",
  ]]);
});

Deno.test("`parseInternalDate()` reads dates of any zone as instants", () => {
  assert.equal(parseInternalDate("01-Jan-1970 00:00:00 +0000"), 0);
  assert.equal(parseInternalDate(" 1-Jan-1970 05:30:00 +0530"), 0);
  assert.equal(parseInternalDate("31-Dec-1969 12:00:01 -1200"), 1);
});

Deno.test("`SeededRandom` repeats its choices, and makes all of them", () => {
  const choices = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 200 }, () => random.between(1, 6));
  };
  assert.deepEqual(choices(5), choices(5));
  assert.notDeepEqual(choices(5), choices(6));
  assert.deepEqual([...new Set(choices(5))].sort(), [1, 2, 3, 4, 5, 6]);
});

/** Sends `chunks` through a relay to a server that keeps what arrives; returns that, when the connection has ended. */
async function through(chunks: readonly string[], rules: RelayRules): Promise<string> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using relay = Relay.start(listener.addr, rules);
  const client = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  const server = await listener.accept();
  const received = new Response(server.readable).bytes();
  for (const chunk of chunks) await client.write(toBytes(chunk)).catch(() => {});
  await client.closeWrite().catch(() => {});
  const text = toText(await received);
  client.close();
  listener.close();
  return text;
}

Deno.test("`Relay` shows lines to its rules, and no line of a literal", async () => {
  const lines: string[] = [];
  const text = "a NOOP\r\nb APPEND x {9+}\r\nc LOGOUT () {2}\r\nhi\r\n";
  for (const size of [1, 7, 1000]) {
    lines.length = 0;
    const chunks = text.match(new RegExp(`.{1,${size}}`, "gs")) ?? [];
    const received = await through(chunks, { line: (_sender, line) => (lines.push(line), "pass") });
    assert.equal(received, text);
    assert.deepEqual(lines, ["a NOOP", "b APPEND x {9+}", "() {2}", ""]);
  }
});

Deno.test("`Relay` drops a line, cuts at one, and cuts after a number of octets", async () => {
  const text = "first\r\nsecond\r\nthird\r\n";
  const at = (verdict: "drop" | "cut"): RelayRules => ({
    line: (_sender, line) => line === "second" ? verdict : "pass",
  });
  assert.equal(await through([text], at("drop")), "first\r\nthird\r\n");
  assert.equal(await through([text], at("cut")), "first\r\n");
  const calls = { count: 0 };
  const cutAfter = { sender: "client", octets: 10, also: () => calls.count++ } as const;
  assert.equal(await through([text], { cutAfter }), "first\r\nsec");
  assert.equal(calls.count, 1);
});

Deno.test("`Relay` passes nothing on while it acts after a line", async () => {
  const order: string[] = [];
  const line: RelayRules["line"] = (_sender, text) => {
    order.push(text);
    if (text !== "first") return "pass";
    return {
      afterwards: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push("acted");
      },
    };
  };
  await through(["first\r\nsecond\r\n"], { line });
  assert.deepEqual(order, ["first", "acted", "second"]);
});
