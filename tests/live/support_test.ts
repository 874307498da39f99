// The tools of the live tests, tried on cases whose answers are known: a witness that sees nothing would let every
// other test here pass.

import assert from "node:assert/strict";
import { parseInternalDate, parseValues, toBytes, toText } from "../support/live/imap_values.ts";
import type { Mapping } from "../support/live/mapping.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { compareFacts, type MessageFacts, type StoreFacts } from "../support/live/witness.ts";
import { complaintsIn } from "../support/live/server_log.ts";
import { Relay, type RelayRules } from "../support/relay.ts";
import { Outlet } from "../support/relay_outlet.ts";
import {
  chunk,
  cutAfter,
  cutAt,
  delay,
  forbid,
  inject,
  rate,
  replace,
  stall,
  swallowAnswer,
  together,
} from "../support/relay_rules.ts";

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

/** What an echo server gives back, and how it came. */
interface Echo {
  readonly text: string;
  /** What each read had. */
  readonly reads: readonly string[];
  readonly milliseconds: number;
  /** The connection was ended by the other side. */
  readonly isEnded: boolean;
  readonly relay: Relay;
}

/** Says `texts` to a server that says the same, one by one: each after all that the text before has to bring back. */
async function echo(
  rules: RelayRules,
  texts: readonly (readonly [said: string, heard: string])[],
): Promise<Echo> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) await connection.readable.pipeTo(connection.writable).catch(() => {});
  })();
  await using relay = Relay.start(listener.addr, rules);
  const client = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  client.setNoDelay(true);
  const reads: string[] = [];
  const buffer = new Uint8Array(4096);
  const state = { isEnded: false };
  const started = performance.now();
  for (const [said, heard] of texts) {
    const wanted = reads.join("").length + heard.length;
    await client.write(toBytes(said)).catch(() => {});
    while (!state.isEnded && reads.join("").length < wanted) {
      const count = await client.read(buffer).catch(() => null);
      state.isEnded = count === null;
      reads.push(toText(buffer.subarray(0, count ?? 0)));
    }
  }
  const milliseconds = performance.now() - started;
  client.close();
  listener.close();
  await serving;
  return { text: reads.join(""), reads, milliseconds, isEnded: state.isEnded, relay };
}

const LINE = "a NOOP\r\n";

/** Each rule with what is said, and what has to come back for it. */
const FAULT_TABLE: Readonly<Record<string, { readonly rules: () => RelayRules; readonly talk: [string, string][] }>> = {
  "no rule": { rules: () => ({}), talk: [[LINE, LINE]] },
  "inject() from the server": {
    rules: () => inject("server", /^b /, "* BYE"),
    talk: [["a NOOP\r\nb NOOP\r\n", "a NOOP\r\n* BYE\r\nb NOOP\r\n"]],
  },
  "inject() from the client": {
    rules: () => inject("client", /^a /, "x LOGOUT"),
    talk: [[LINE, `x LOGOUT\r\n${LINE}`]],
  },
  "replace()": {
    rules: () => replace("server", /\{\d+\}/, "{99}"),
    talk: [["a {3}\r\n{1}\r\n", "a {99}\r\n{1}\r\n"]],
  },
  "swallowAnswer()": {
    rules: () => swallowAnswer(/ STORE /),
    talk: [["a NOOP\r\nb STORE {3}\r\nxyz)\r\nc STORE 1\r\n", "a NOOP\r\nc STORE 1\r\n"]],
  },
  "forbid() of what is said": {
    rules: () => forbid("NOTIFY"),
    talk: [["* CAPABILITY IMAP4rev1 NOTIFY X\r\n", "* CAPABILITY IMAP4rev1 X\r\n"], [
      "a OK [CAPABILITY NOTIFY]\r\n",
      "a OK [CAPABILITY]\r\n",
    ]],
  },
  "forbid() of a command": {
    rules: () => forbid("NOTIFY"),
    talk: [["a notify NONE\r\n", "a FORBIDDEN-NOTIFY\r\n"], [LINE, LINE]],
  },
  "forbid() of a literal": {
    rules: () => forbid("LITERAL+"),
    talk: [["a APPEND x {3+}\r\nb X\r\nc NOOP\r\n", "a BAD LITERAL+ is forbidden\r\nc NOOP\r\n"]],
  },
  "`reply` to a literal that waits": {
    rules: () => ({
      line: (sender, text) => sender === "client" && / APPEND /.test(text) ? { reply: "a NO" } : "pass",
    }),
    talk: [["a APPEND x {3}\r\n", "a NO\r\n"], [LINE, LINE]],
  },
  "two rules": {
    rules: () => together(replace("server", /NOOP/, "OK"), inject("server", / OK/, "* 1 EXISTS"), chunk(2), delay(1)),
    talk: [[LINE, "* 1 EXISTS\r\na OK\r\n"]],
  },
  "what has no line end": {
    rules: () => replace("client", /first/, "second"),
    talk: [["first\r\nrest", "second\r\n"]],
  },
};

for (const [name, { rules, talk }] of Object.entries(FAULT_TABLE)) {
  Deno.test(`A relay brings back what it has to with ${name}`, async () => {
    const { text } = await echo(rules(), talk);
    assert.equal(text, talk.map(([, heard]) => heard).join(""));
  });
}

Deno.test("`delay()` makes everything of a sender late, and does not add up", async () => {
  const lines = LINE.repeat(10);
  const both = await echo(delay(30), [[lines, lines]]);
  assert.equal(both.text, lines);
  assert.ok(both.milliseconds >= 59 && both.milliseconds < 300, `${both.milliseconds} ms`);
  const one = await echo(delay(30, "server"), [[LINE, LINE], [LINE, LINE]]);
  assert.ok(one.milliseconds >= 59, `${one.milliseconds} ms`);
});

Deno.test("`rate()` lets no more octets through than so many in a second", async () => {
  const lines = LINE.repeat(50);
  const { text, milliseconds } = await echo(rate(4000, "server"), [[lines, lines]]);
  assert.equal(text, lines);
  assert.ok(milliseconds >= lines.length / 4 - 10, `${milliseconds} ms`);
});

Deno.test("`chunk()` writes no more than so many octets at once", async () => {
  const written: number[] = [];
  const connection = { write: (octets: Uint8Array) => (written.push(octets.length), Promise.resolve(octets.length)) };
  const outlet = new Outlet(connection, { chunk: 3, rate: Infinity }, new AbortController().signal);
  assert.ok(await outlet.write(toBytes("12345678"), true));
  assert.deepEqual(written, [3, 3, 2]);
  const { text } = await echo(chunk(3), [[LINE, LINE], ["b", ""], [" X\r\n", "b X\r\n"]]);
  assert.equal(text, `${LINE}b X\r\n`);
});

Deno.test("`Outlet` puts a line of its own between responses only", async () => {
  const written: string[] = [];
  const connection = { write: (octets: Uint8Array) => (written.push(toText(octets)), Promise.resolve(octets.length)) };
  const outlet = new Outlet(connection, { chunk: Infinity, rate: Infinity }, new AbortController().signal);
  await outlet.write(toBytes("* {3}"), false);
  await outlet.insert(toBytes("a BAD"));
  await outlet.write(toBytes("xyz)"), true);
  await outlet.insert(toBytes("b BAD"));
  assert.deepEqual(written, ["* {3}", "xyz)", "a BAD", "b BAD"]);
});

Deno.test("`cutAfter()` and `cutAt()` end the connection where they have to", async () => {
  const talk = (heard: string): [string, string][] => [["a one\r\nb two\r\n", `${heard}never`]];
  const cases: readonly (readonly [rules: RelayRules, heard: string])[] = [
    [cutAfter("server", 10), "a one\r\nb t"],
    [cutAt("server", /two/), "a one\r\n"],
    [cutAt("server", /one/, "after"), "a one\r\n"],
  ];
  for (const [rules, heard] of cases) {
    const { text, isEnded } = await echo(rules, talk(heard));
    assert.ok(isEnded);
    // What was on its way when a connection is reset may be lost.
    assert.ok(heard.startsWith(text), text);
  }
  for (
    const [rules, received] of [[cutAfter("client", 10), "first\r\nsec"], [cutAt("client", /second/), "first\r\n"], [
      cutAt("client", /second/, "after"),
      "first\r\nsecond\r\n",
    ]] as const
  ) {
    assert.equal(await through(["first\r\nsecond\r\nthird\r\n"], rules), received);
  }
});

Deno.test("`stall()` keeps the connection open and passes nothing more on", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using relay = Relay.start(listener.addr, stall("server", /second/));
  const client = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  const server = await listener.accept();
  await server.write(toBytes("first\r\nsecond\r\nthird\r\n"));
  const buffer = new Uint8Array(100);
  assert.equal(toText(buffer.subarray(0, await client.read(buffer) ?? 0)), "first\r\n");
  const state = { next: "nothing" };
  const next = client.read(buffer).then((count) => state.next = String(count), () => state.next = "closed");
  // The other way is still open, and a server that leaves is not seen to leave.
  await client.write(toBytes("still here\r\n"));
  assert.equal(await server.read(new Uint8Array(100)), 12);
  server.close();
  await client.write(toBytes("and now\r\n"));
  assert.equal(state.next, "nothing");
  client.close();
  await Promise.all([next, relay.settled()]);
  assert.equal(relay.octets.server, 7);
  listener.close();
});

Deno.test("`Relay` counts commands and round trips", async () => {
  const { relay } = await echo(delay(5), [
    ["a LOGIN x {3+}\r\nb X\r\n", "a LOGIN x {3+}\r\nb X\r\n"],
    ["b ENABLE QRESYNC\r\nc uid fetch 1 FLAGS\r\n", "b ENABLE QRESYNC\r\nc uid fetch 1 FLAGS\r\n"],
  ]);
  assert.deepEqual(relay.commands, ["LOGIN", "ENABLE", "UID FETCH"]);
  // The client was the first here: it waited once.
  assert.equal(relay.turns, 1);
});

Deno.test("`forbid()` refuses what it cannot recognize", () => {
  assert.throws(() => forbid("X-UNKNOWN"), /X-UNKNOWN/);
});

Deno.test("`complaintsIn()` finds errors that are neither harmless nor announced", () => {
  const bad = [
    "Nov 22 05:44:26 imap(u)<1><x>: Error: Mailbox INBOX: file corrupted",
    "Nov 22 05:44:26 imap(u)<1><x>: Panic: file x.c: line 1 (f): assertion failed",
    "Nov 22 05:44:26 master: Fatal: Already running",
  ];
  const good = [
    "Nov 22 05:44:26 imap(u)<1><x>: Info: Logged out: Errors 0",
    "Nov 22 05:44:26 imap-login: Error: stats: write(/run/stats-writer) failed: Broken pipe",
  ];
  assert.deepEqual(complaintsIn([...bad, ...good].join("\n")), bad);
  assert.deepEqual(complaintsIn(bad.join("\n"), [/corrupted/, /Panic/]), bad.slice(2));
});
