// Whose turn it is to use the sessions with a server: what goes out together, what waits, and what is never sent.

import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import type { Session } from "../../lib/client/mod.ts";
import { makeFlagSet, UidSet } from "../../lib/protocol/mod.ts";
import { Lanes } from "../../lib/sync/lanes.ts";
import { usualWanted } from "../../lib/sync/lanes_wanted.ts";
import { SharedSession } from "../../lib/sync/mailbox_session.ts";
import { RenumberedError } from "../../lib/sync/renumbered_error.ts";
import { type ClientRig, greetedClient } from "../support/client_rig.ts";
import { FakeClock, HastyClock } from "../support/fake_clock.ts";

const CAPABILITIES = "IMAP4rev1 ENABLE QRESYNC UIDPLUS ESEARCH LITERAL+";
const SEEN = makeFlagSet(["\\Seen"]);
const ONE = UidSet.range(1, 1);

interface SceneOptions {
  /** Connections more, whenever a mailbox waits. */
  readonly wanted?: number;
  readonly refuse?: boolean;
  readonly early?: Promise<Session>;
  readonly clock?: Clock;
}

interface Scene {
  readonly first: ClientRig;
  readonly others: ClientRig[];
  readonly lanes: Lanes;
  readonly session: (mailbox: string) => SharedSession;
}

async function scene(options: SceneOptions = {}): Promise<Scene> {
  const first = await greetedClient(CAPABILITIES);
  const others: ClientRig[] = [];
  const open = async (): Promise<Session> => {
    if (options.refuse === true) throw new Error("too many");
    const other = await greetedClient(CAPABILITIES);
    others.push(other);
    return other.session;
  };
  const lanes = new Lanes({
    first: first.session,
    more: open,
    limit: 3,
    wanted: () => options.wanted ?? 0,
    log: first.log,
    clock: options.clock ?? new HastyClock(),
  });
  if (options.early !== undefined) lanes.expect(options.early);
  return { first, others, lanes, session: (mailbox) => new SharedSession(lanes, mailbox) };
}

function end({ first, others }: Scene): void {
  for (const { session } of [first, ...others]) session.abort(new Error("end"));
}

function look(session: SharedSession, mailbox: string) {
  return Promise.all([session.select(mailbox, null, () => true), session.search(ONE, { freeze: true })]);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What a server answers to SELECT, SEARCH. */
const opened = (uidValidity: number, [select, search]: readonly [string, string], closed = true): string[] => [
  ...(closed ? ["* OK [CLOSED] x"] : []),
  "* 1 EXISTS",
  `* OK [UIDVALIDITY ${uidValidity}] x`,
  "* OK [HIGHESTMODSEQ 9] x",
  `${select} OK`,
  `* ESEARCH (TAG "${search}") UID ALL 1`,
  `${search} OK`,
];

/** With two mailboxes that were looked at: "a", then "b", which is selected. */
async function lookedAt(options: Parameters<typeof scene>[0] = {}) {
  const scenery = await scene(options);
  const { server } = scenery.first;
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const looks = [look(a, "a"), look(b, "b")];
  for (let i = 0; i < 4; i++) await server.line();
  await server.send(...opened(1, ["000000", "000001"], false), ...opened(2, ["000002", "000003"]));
  await Promise.all(looks);
  return { scenery, server, a, b };
}

Deno.test("looks at several mailboxes are in one flight, and each gets its own answers", async () => {
  const scenery = await scene();
  const { first: { server } } = scenery;
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const looks = [look(a, "a"), look(b, "b")];
  await server.expect("000000 SELECT a");
  await server.expect(/^000001 UID SEARCH/);
  await server.expect("000002 SELECT b");
  await server.expect(/^000003 UID SEARCH/);
  await server.send(...opened(1, ["000000", "000001"], false), ...opened(2, ["000002", "000003"]));
  const seen = await Promise.all(looks);
  assert.deepEqual(seen.map(([{ uidValidity }, found]) => [uidValidity, found.toString()]), [[1, "1"], [2, "1"]]);
  end(scenery);
});

Deno.test("flags of one mailbox are not taken for the answer of a FETCH for another in the same flight", async () => {
  const scenery = await scene();
  const { first: { server } } = scenery;
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const first = look(a, "a");
  const second = look(b, "b");
  const seen: string[] = [];
  const fetching = b.fetch(ONE, "(UID FLAGS)", { message: ({ flags }) => void seen.push(flags?.key ?? "") });
  for (let i = 0; i < 5; i++) await server.line();
  const [early, late] = [opened(1, ["000000", "000001"], false), opened(2, ["000002", "000003"])];
  early.splice(3, 0, "* 1 FETCH (UID 1 FLAGS (kw-of-a))");
  await server.send(...early, ...late, "* 1 FETCH (UID 1 FLAGS (kw-of-b))", "000004 OK");
  const [[selected]] = await Promise.all([first, second, fetching]);
  assert.deepEqual(seen, ["kw-of-b"]);
  assert.equal(selected.modified.get(1)?.key, "kw-of-a");
  end(scenery);
});

Deno.test("what changes messages waits until its mailbox is selected again and proven; what reads does not", async () => {
  const { scenery, server, a, b } = await lookedAt();
  const reading = a.search(ONE);
  await server.expect("000004 SELECT a");
  await server.expect(/^000005 UID SEARCH/);
  const changing = [b.store(ONE, SEEN, 5n), b.expunge(ONE)];
  await server.expect("000006 SELECT b");
  await server.send(...opened(1, ["000004", "000005"]));
  assert.equal((await reading).toString(), "1");
  assert.equal(server.pending, "");
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 2] x", "000006 OK");
  await server.expect("000007 UID STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)");
  await server.expect("000008 UID STORE 1 +FLAGS.SILENT (\\Deleted)");
  await server.expect("000009 UID EXPUNGE 1");
  await server.send(
    "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (10))",
    "000007 OK",
    "000008 OK",
    "* VANISHED 1",
    "000009 OK",
  );
  await Promise.all(changing);
  end(scenery);
});

Deno.test("changes are sent in the order in which they were asked for, whatever else is asked meanwhile", async () => {
  const { scenery, server, a, b } = await lookedAt();
  const changing = [a.expunge(ONE), a.store(ONE, SEEN, 5n), a.store(ONE, makeFlagSet(["\\Flagged"]), 5n)];
  await server.expect("000004 SELECT a");
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 1] x", "000004 OK");
  // At every moment until the proof is complete.
  const reading: Promise<unknown>[] = [];
  for (let turn = 0; turn < 60; turn++) {
    reading.push(b.search(ONE));
    await Promise.resolve();
  }
  await server.expect(/^000005 UID STORE 1 \+FLAGS/);
  await server.expect(/^000006 UID EXPUNGE/);
  await server.expect(/^000007 UID STORE .*Seen/);
  await server.expect(/^000008 UID STORE .*Flagged/);
  end(scenery);
  await Promise.allSettled([...changing, ...reading]);
});

Deno.test("nothing is changed in, and nothing read from, a mailbox that was made anew under the same name", async () => {
  const { scenery, server, a, b } = await lookedAt();
  const changing = assert.rejects(a.expunge(ONE), RenumberedError);
  await server.expect("000004 SELECT a");
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 7] x", "000004 OK");
  await changing;
  const bodies: string[] = [];
  const fetching = assert.rejects(
    b.fetch(ONE, "(UID BODY.PEEK[])", {
      bodies: { begin: () => void bodies.push("begin"), data: () => void bodies.push("data"), end: () => {} },
    }),
    RenumberedError,
  );
  await server.expect("000005 SELECT b");
  await server.expect(/^000006 UID FETCH/);
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 8] x", "000005 OK");
  await server.send("* 1 FETCH (UID 1 BODY[] {1}", "x)", "000006 OK");
  await fetching;
  assert.deepEqual(bodies, []);
  // It is selected already.
  await assert.rejects(b.expunge(ONE), RenumberedError);
  assert.equal(server.pending, "");
  end(scenery);
});

Deno.test("a SELECT that is refused in a flight does not keep the next one's answers from it", async () => {
  const scenery = await scene();
  const { first: { server } } = scenery;
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const refused = assert.rejects(look(a, "a"), /SELECT/);
  const looking = look(b, "b");
  for (let i = 0; i < 4; i++) await server.line();
  await server.send("000000 NO gone", "000001 BAD no mailbox selected", ...opened(2, ["000002", "000003"], false));
  await refused;
  const [{ uidValidity, exists }, found] = await looking;
  assert.deepEqual([uidValidity, exists, found.toString()], [2, 1, "1"]);
  end(scenery);
});

Deno.test("mailboxes that wait are spread over more connections, one mailbox staying on one", async () => {
  const scenery = await scene({ wanted: 1 });
  const { first: { server }, others } = scenery;
  const names = ["a", "b", "c"] as const;
  const sessions = names.map((name) => scenery.session(name));
  const looks = sessions.map((session, i) => look(session, names[i] ?? ""));
  for (let i = 0; i < 6; i++) await server.line();
  const answers = [["000000", "000001"], ["000002", "000003"], ["000004", "000005"]] as const;
  await server.send(...answers.flatMap((tags, i) => opened(i + 1, tags, i > 0)));
  await Promise.all(looks);
  const changing = sessions.map((session) => Promise.all([session.expunge(ONE), session.store(ONE, SEEN, 5n)]));
  // "c" is selected; the connection is kept by "a" next, so that "b" goes elsewhere.
  await server.expect("000006 UID STORE 1 +FLAGS.SILENT (\\Deleted)");
  await server.expect("000007 UID EXPUNGE 1");
  await server.expect("000008 UID STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)");
  await server.expect("000009 SELECT a");
  while (others.length === 0) await nextTurn();
  await others[0]?.server.expect("000000 SELECT b");
  const done = async (on: ClientRig["server"] | undefined, first: number) => {
    const tag = (i: number) => `${first + i}`.padStart(6, "0");
    for (let i = 0; i < 3; i++) await on?.expect(new RegExp(`^${tag(i)} UID`));
    await on?.send(`${tag(0)} OK`, "* VANISHED 1", `${tag(1)} OK`, `${tag(2)} OK`);
  };
  await server.send("000006 OK", "* VANISHED 1", "000007 OK", "000008 OK");
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 1] x", "000009 OK");
  await others[0]?.server.send("* OK [UIDVALIDITY 2] x", "000000 OK");
  await Promise.all([done(server, 10), done(others[0]?.server, 1)]);
  for (const [gone] of await Promise.all(changing)) assert.equal(gone.toString(), "1");
  const closing = scenery.lanes.close();
  await others[0]?.server.expect(/LOGOUT$/);
  await closing;
  assert.equal(scenery.first.session.closed, null);
  end(scenery);
});

Deno.test("without a second connection everything goes over the first", async () => {
  const { scenery, server, a, b } = await lookedAt({ wanted: 1, refuse: true });
  const changing = [a, b].map((session) => session.store(ONE, SEEN, 5n));
  await server.expect("000004 UID STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)");
  await server.expect("000005 SELECT a");
  await server.send("000004 OK", "* OK [CLOSED] x", "* OK [UIDVALIDITY 1] x", "000005 OK");
  await server.expect(/^000006 UID STORE/);
  await server.send("000006 OK");
  await Promise.all(changing);
  assert.ok(scenery.first.log.lines.every((line) => !/error|warn/i.test(line)), scenery.first.log.lines.join("\n"));
  end(scenery);
});

Deno.test("a connection over which many bodies are to come is asked for no more until most of them have come", async () => {
  const { scenery, server, a, b } = await lookedAt();
  const bodies = { begin: () => {}, data: () => {}, end: () => {} };
  const fetching = [a, b].map((session) => session.fetch(UidSet.range(1, 1025), "(UID BODY.PEEK[])", { bodies }));
  await server.expect(/^000004 UID FETCH/);
  const small = a.search(ONE);
  await server.expect("000005 SELECT a");
  await server.expect(/^000006 UID SEARCH/);
  await server.send("* 1 FETCH (UID 1 BODY[] {1}", "x)");
  assert.equal(server.pending, "");
  await server.send("* 2 FETCH (UID 2 BODY[] {1}", "x)");
  await server.expect(/^000007 UID FETCH/);
  await server.send("000004 OK", "* OK [CLOSED] x", "* OK [UIDVALIDITY 1] x", "000005 OK", "000006 OK", "000007 OK");
  await Promise.all([...fetching, small]);
  end(scenery);
});

const MESSAGE = { flags: [], internalDate: { seconds: 0, zone: 0 }, body: Uint8Array.of(120) };

/** Looks at "a", in which there are so many messages, then at "b", and appends to "a". */
async function appended(exists: number, batches: readonly number[]): Promise<readonly string[]> {
  const scenery = await scene();
  const { server } = scenery.first;
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const looks = [look(a, "a"), look(b, "b")];
  for (let i = 0; i < 4; i++) await server.line();
  const first = opened(1, ["000000", "000001"], false).map((line) =>
    line === "* 1 EXISTS" ? `* ${exists} EXISTS` : line
  );
  await server.send(...first, ...opened(2, ["000002", "000003"]));
  await Promise.all(looks);
  for (const number of batches) a.append("a", Array.from({ length: number }, () => MESSAGE)).done.catch(() => {});
  const commands: string[] = [];
  for (let left = batches.length; left > 0;) {
    const [, command] = /^\d{6} (\S+ \S+)/.exec(await server.line() ?? "") ?? [];
    if (command !== undefined) commands.push(command);
    if (command === "APPEND a") left--;
  }
  end(scenery);
  return commands;
}

Deno.test("a large mailbox is selected where many messages are appended to it, and once", async () => {
  assert.deepEqual(await appended(9936, [64, 64]), ["SELECT a", "APPEND a", "APPEND a"]);
  assert.deepEqual(await appended(9935, [64, 1, 64]), ["APPEND a", "APPEND a", "SELECT a", "APPEND a"]);
  assert.deepEqual(await appended(50_000, [63, 1]), ["APPEND a", "APPEND a"]);
});

Deno.test("a large mailbox is not selected where another one waits for its proof to be changed", async () => {
  const scenery = await scene();
  const { server } = scenery.first;
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const looks = [look(a, "a"), look(b, "b")];
  for (let i = 0; i < 4; i++) await server.line();
  const second = opened(2, ["000002", "000003"]).map((line) => line.replace("* 1 EXISTS", "* 20000 EXISTS"));
  await server.send(...opened(1, ["000000", "000001"], false), ...second);
  await Promise.all(looks);
  const changing = a.store(ONE, SEEN, 5n);
  await server.expect("000004 SELECT a");
  b.append("b", Array.from({ length: 64 }, () => MESSAGE)).done.catch(() => {});
  await server.expect(/^000005 APPEND b /);
  for (let i = 0; i < 64; i++) await server.expect(/^x/);
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 1] x", "000004 OK");
  await server.expect(/^000006 UID STORE 1 /);
  await server.send("000006 OK");
  await changing;
  end(scenery);
});

Deno.test("a connection that is opened while mailboxes are looked at selects one, and keeps it for its changes", async () => {
  const opening = Promise.withResolvers<Session>();
  const scenery = await scene({ early: opening.promise, clock: new FakeClock() });
  const { first: { server } } = scenery;
  const other = await greetedClient(CAPABILITIES);
  scenery.others.push(other);
  const [a, b, c] = [scenery.session("a"), scenery.session("b"), scenery.session("c")];
  const known = look(c, "c");
  await server.expect("000000 SELECT c");
  await server.expect(/^000001 UID SEARCH/);
  await server.send(...opened(3, ["000000", "000001"], false));
  await known;
  await nextTurn();
  const looks = [look(a, "a"), look(b, "b")];
  for (let i = 0; i < 4; i++) await server.line();
  opening.resolve(other.session);
  await other.server.expect("000000 SELECT a");
  // Of neither mailbox it is known whether it will be changed.
  const elsewhere = c.search(ONE);
  await nextTurn();
  assert.deepEqual([server.pending, other.server.pending], ["", ""]);
  await server.send(...opened(1, ["000002", "000003"]), ...opened(2, ["000004", "000005"]));
  const changing = looks[0]?.then(() => a.store(ONE, SEEN, 5n));
  await server.expect("000006 SELECT c");
  await server.expect(/^000007 UID SEARCH/);
  await other.server.send("* OK [UIDVALIDITY 1] x", "000000 OK");
  await other.server.expect("000001 UID STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)");
  await other.server.send("000001 OK");
  await server.send(...opened(3, ["000006", "000007"]));
  await Promise.all([...looks, changing, elsewhere]);
  end(scenery);
});

Deno.test("`usualWanted()` asks for connections only where they save time", () => {
  const wanted = (waiting: number, roundTripMs: number) => usualWanted({ waiting, open: 1, roundTripMs });
  assert.equal(wanted(2, 1000), 0);
  assert.equal(wanted(500, 0), 0);
  assert.equal(wanted(10, 1), 0);
  assert.equal(wanted(4, 100), 1);
  assert.equal(wanted(9, 100), 2);
  assert.equal(wanted(19, 100), 6);
});

interface Preparing extends Scene {
  readonly opening: PromiseWithResolvers<Session>;
  readonly other: ClientRig;
  readonly clock: FakeClock;
}

/** A second connection that is being opened, in which "a" is selected in advance while it is looked at. */
async function preparing(): Promise<Preparing> {
  const opening = Promise.withResolvers<Session>();
  const clock = new FakeClock();
  const scenery = await scene({ early: opening.promise, clock });
  const { first: { server }, lanes } = scenery;
  const other = await greetedClient(CAPABILITIES);
  scenery.others.push(other);
  const [a, b] = [scenery.session("a"), scenery.session("b")];
  const looks = [look(a, "a"), look(b, "b")];
  for (let i = 0; i < 4; i++) await server.line();
  lanes.prepare(other.session);
  await other.server.expect("000000 SELECT a");
  await server.send(...opened(1, ["000000", "000001"], false), ...opened(2, ["000002", "000003"]));
  await Promise.all(looks);
  await nextTurn();
  return { ...scenery, session: (mailbox) => mailbox === "a" ? a : b, opening, other, clock };
}

Deno.test("a session that is being opened is used for the mailbox that was selected in it in advance", async () => {
  const scenery = await preparing();
  const { first: { server }, other, opening } = scenery;
  const changing = scenery.session("a").store(ONE, SEEN, 5n);
  await nextTurn();
  assert.deepEqual([server.pending, other.server.pending], ["", ""]);
  opening.resolve(other.session);
  await other.server.send("* OK [UIDVALIDITY 1] x", "000000 OK");
  await other.server.expect("000001 UID STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)");
  await other.server.send("000001 OK");
  await changing;
  end(scenery);
});

for (const why of ["is refused", "is late"] as const) {
  Deno.test(`a session that is being opened and ${why} holds nothing up`, async () => {
    const scenery = await preparing();
    const { first: { server, connection }, opening } = scenery;
    const changing = scenery.session("a").store(ONE, SEEN, 5n);
    await nextTurn();
    assert.equal(server.pending, "");
    if (why === "is refused") opening.reject(new Error("too many"));
    else scenery.clock.advance(2 * connection.fastestMs + 100);
    await server.expect("000004 SELECT a");
    await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 1] x", "000004 OK");
    await server.expect(/^000005 UID STORE/);
    await server.send("000005 OK");
    await changing;
    end(scenery);
  });
}
