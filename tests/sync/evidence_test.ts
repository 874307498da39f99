// What is read to tell messages apart: from a session that answers as it likes, for what real servers do rarely.

import assert from "node:assert/strict";
import { randomKey } from "../../lib/base/fingerprint.ts";
import type { FetchHandler, Session } from "../../lib/client/mod.ts";
import { CommandError } from "../../lib/errors.ts";
import { type FetchItems, makeFlagSet, UidSet } from "../../lib/protocol/mod.ts";
import { readBodies, readHeaders, readMessageIds, readSizesAndIds } from "../../lib/sync/evidence.ts";
import { pairEqual, pairUnique, withSharedKeys } from "../../lib/sync/match.ts";

const KEY = randomKey();
const DATE = { seconds: 1_700_000_000, zone: 0 };

/** One FETCH response: a body (null: NIL, absent: none was told) and other items. */
type Answer = Partial<FetchItems> & { readonly body?: string | null };

function itemsOf({ uid = null, flags = makeFlagSet([]), rfc822Size = 100, internalDate = DATE }: Answer): FetchItems {
  return { uid, flags, modSeq: null, internalDate, rfc822Size };
}

/** A session that answers every FETCH with the responses for its UIDs, bodies in pieces of three octets. */
function session(answers: readonly Answer[], ending: CommandError | null = null): Session {
  const fetch = (uids: UidSet, _items: string, handler: FetchHandler): Promise<void> => {
    for (const answer of answers.filter(({ uid }) => uid !== undefined && uid !== null && uids.has(uid))) {
      const items = itemsOf(answer);
      if (answer.body !== undefined) {
        const octets = answer.body === null ? null : new TextEncoder().encode(answer.body);
        handler.bodies?.begin(items, "", octets?.length ?? null);
        for (let at = 0; at < (octets?.length ?? 0); at += 3) {
          handler.bodies?.data(octets?.subarray(at, at + 3) ?? new Uint8Array());
        }
        handler.bodies?.end();
      }
      handler.message?.(items);
    }
    return ending === null ? Promise.resolve() : Promise.reject(ending);
  };
  return { fetch } as unknown as Session;
}

const header = (id: string) => `Message-ID: <${id}>\r\nDate: today\r\nReceived: by ${id}\r\n\r\n`;

async function headersPair(local: readonly Answer[], remote: readonly Answer[]): Promise<number> {
  const [here, there] = await Promise.all(
    [local, remote].map((answers) => readHeaders(session(answers), UidSet.range(1, 9), KEY)),
  );
  assert.ok(here !== undefined && there !== undefined);
  return pairUnique(here.evidence, there.evidence).pairs.length;
}

Deno.test("readHeaders() names messages by what the server told of each", async () => {
  assert.equal(await headersPair([{ uid: 1, body: header("a") }], [{ uid: 7, body: header("a") }]), 1);
  assert.equal(await headersPair([{ uid: 1, body: header("a") }], [{ uid: 7, body: header("b") }]), 0);
});

Deno.test("readHeaders() gives no message the header of the one before", async () => {
  const named = [{ uid: 7, body: header("a") }];
  // The first lacks its size and is no candidate; of the second no header is told.
  assert.equal(await headersPair([{ uid: 1, body: header("a"), rfc822Size: null }, { uid: 2 }], named), 0);
  assert.equal(await headersPair([{ uid: 1, body: header("a"), flags: null }, { uid: 2, body: null }], named), 0);
});

Deno.test("readHeaders() keeps the flags of each message, and bears messages that are expunged meanwhile", async () => {
  const expunged = new CommandError("UID FETCH", "NO", "EXPUNGEISSUED", "Some are gone");
  const answers = [{ uid: 3, body: header("a"), flags: makeFlagSet(["\\Seen"]) }];
  const { flags } = await readHeaders(session(answers, expunged), UidSet.range(1, 5), KEY);
  assert.equal(flags.get(3)?.key, "\\Seen");
  assert.equal(flags.get(4), null);
  const refused = new CommandError("UID FETCH", "NO", null, "Internal error");
  await assert.rejects(readHeaders(session(answers, refused), UidSet.range(1, 5), KEY), /Internal error/);
});

Deno.test("Message-IDs tell messages apart, and nothing is known of those that are not told", async () => {
  const id = (text: string) => `Message-Id: <${text}>\r\n\r\n`;
  const answers = [{ uid: 2, body: id("b") }, { uid: 3, body: null }, { uid: 4 }, { uid: 5, body: "\r\n" }];
  const uids = UidSet.range(2, 6);
  const { messageIds, uids: sized } = await readSizesAndIds(session(answers), uids, KEY);
  assert.equal(sized.toString(), "2:5");
  const others = [{ uid: 7, body: id("c") }, { uid: 8, body: id("b") }, { uid: 9, body: "\r\n" }];
  const there = await readMessageIds(session(others), UidSet.range(7, 9), KEY);
  assert.ok(messageIds !== null);
  const known = { local: messageIds, remote: there };
  const shared = withSharedKeys({ local: UidSet.of([2, 5]), remote: UidSet.range(7, 9) }, known);
  assert.deepEqual([shared.local.toString(), shared.remote.toString()], ["2,5", "8:9"]);
  for (const unknown of [3, 4, 6]) assert.equal(messageIds.knowsAll(UidSet.of([unknown])), false, `UID ${unknown}`);
});

Deno.test("readMessageIds() tells whether mbsync added its line to any message", async () => {
  const read = (line: string) =>
    readMessageIds(session([{ uid: 1, body: `Message-ID: <a>\r\n${line}\r\n` }]), UidSet.range(1, 1), KEY);
  assert.equal((await read("X-TUID: abcdefghijkl\r\n")).hasDetails, true);
  assert.equal((await read("X-TUID: abcdefghijklm\r\n")).hasDetails, false);
  assert.equal((await read("")).hasDetails, false);
});

async function bodiesPair(local: readonly Answer[], remote: readonly Answer[]): Promise<readonly string[]> {
  const [here, there] = await Promise.all(
    [local, remote].map((answers) => readBodies(session(answers), UidSet.range(1, 9), KEY)),
  );
  assert.ok(here !== undefined && there !== undefined);
  return pairEqual(here, there).map(({ localUid, remoteUid }) => `${localUid}=${remoteUid}`);
}

Deno.test("readBodies() tells messages apart by every octet, and passes over those without a body", async () => {
  const long = (last: string) => `Subject: x\r\n\r\n${"y".repeat(70_000)}${last}`;
  const local = [{ uid: 1, body: long("a") }, { uid: 2, body: null }, { uid: 3 }, { uid: 4, body: long("b") }];
  const remote = [{ uid: 5, body: long("b") }, { uid: 6, body: null }, { uid: 7 }, { uid: 8, body: long("c") }];
  assert.deepEqual(await bodiesPair(local, remote), ["4=5"]);
});

Deno.test("readBodies() does not count the line of mbsync, wherever its pieces end", async () => {
  const of = (line: string) => [{ uid: 1, body: `From: a\r\n${line}Subject: x\r\n\r\nbody` }];
  assert.deepEqual(await bodiesPair(of("X-TUID: abcdefghijkl\r\n"), of("")), ["1=1"]);
  assert.deepEqual(await bodiesPair(of("X-TUID: abcdefghijkl\r\n"), of("X-TUID: 123456789012\r\n")), ["1=1"]);
  assert.deepEqual(await bodiesPair(of("X-TUIT: abcdefghijkl\r\n"), of("")), []);
});
