// A run that is killed, or loses a connection, in the middle of copying: the next one completes the work, loses no
// change that was made meanwhile, and makes no duplicate. (B1 and B2 of the original, which does neither.)

import assert from "node:assert/strict";
import {
  type Attempt,
  named,
  type Octets,
  recover,
  runRelayed,
  type Scene,
  startAttempt,
  type Template,
} from "../support/live/interrupting.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { MailStore } from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import type { Side } from "../support/live/watching.ts";
import { digestOf, type MessageFacts, readStore } from "../support/live/witness.ts";
import type { RelayRules, RelayTarget, Sender } from "../support/relay.ts";

const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 42);
const OLD = 6;
const NEW = 800;

function body(kind: string, number: number): Uint8Array {
  return plainMessage(`${kind}-${number}`, "A line of text that is like the others.\r\n".repeat(10 + number % 50));
}

function digest(kind: string, number: number): string {
  return digestOf(body(kind, number));
}

function appendMany(store: MailStore, mailbox: string, kind: string, from: number, to: number): Promise<void> {
  return store.with(async (probe) => {
    for (let number = from; number <= to; number++) await probe.append(mailbox, { body: body(kind, number) });
  });
}

/** Old messages are synchronized (unless this is about the first run); the new ones wait in `source`. */
async function makeTemplate(scene: Scene, name: string, source: Side, synchronized: boolean): Promise<Template> {
  const { lab, program, daemon } = scene;
  const stores = {
    local: await lab.store(`${name}l`, { format: "maildir", separator: "/" }),
    remote: await lab.store(`${name}r`, { format: "mdbox", separator: "." }),
  };
  await appendMany(stores[source], "INBOX", "old", 1, OLD);
  const workspace = await Workspace.create(
    `${lab.directory}/w${name}`,
    plainSection(stores.local, daemon),
    plainSection(stores.remote, daemon),
  );
  if (synchronized) await workspace.sync(program);
  await appendMany(stores[source], "INBOX", "new", 1, NEW);
  return { stores, databaseFile: synchronized ? workspace.databaseFile : null };
}

/** Expunges and flags messages of the INBOX, by digest. */
async function change(
  store: MailStore,
  changes: { readonly expunge?: readonly string[]; readonly flag?: Readonly<Record<string, string>> },
): Promise<void> {
  const messages = (await readStore(store)).mailboxes.get("INBOX")?.messages ?? [];
  const uidOf = (wanted: string) => {
    const found = messages.find((message) => message.digest === wanted);
    assert.ok(found !== undefined, `${store.name} does not have ${wanted}`);
    return found.uid;
  };
  await store.with(async (probe) => {
    await probe.select("INBOX");
    for (const [wanted, flag] of Object.entries(changes.flag ?? {})) {
      await probe.store([uidOf(wanted)], "+FLAGS", [flag]);
    }
    await probe.expunge((changes.expunge ?? []).map(uidOf));
  });
}

/** Recovers; returns the messages of the INBOX by digest. */
async function recovered(attempt: Attempt): Promise<ReadonlyMap<string, MessageFacts>> {
  const { mailboxes } = await recover(attempt);
  return new Map(mailboxes.get("INBOX")?.messages.map((message) => [message.digest, message]));
}

/** A place in the traffic of a run. */
interface Place {
  readonly side: Side;
  readonly sender: Sender;
  readonly octets: number;
  /** Kill the run there; otherwise only its connection is cut. */
  readonly kill: boolean;
}

/** Places spread over the copying: half where the source is read, half where the target is written. */
function* places(count: number, total: Octets, source: Side): Generator<Place> {
  const random = new SeededRandom(SEED);
  for (let index = 0; index < count; index++) {
    const side = index % 2 === 0 ? source : source === "local" ? "remote" : "local";
    const sender = side === source ? "server" : "client";
    const fraction = (index + random.next()) / count;
    yield { side, sender, octets: Math.round(total[side][sender] * (0.02 + 0.96 * fraction)), kill: index % 4 < 2 };
  }
}

function interruptAt(place: Place): (side: Side, kill: () => void) => RelayRules {
  return (side, kill) =>
    side !== place.side ? {} : {
      cutAfter: { sender: place.sender, octets: place.octets, ...(place.kill ? { also: kill } : {}) },
    };
}

for (const source of ["remote", "local"] as const) {
  const count = source === "remote" ? 10 : 6;

  liveTest(
    `a run interrupted at ${count} places of copying from ${source} is completed by the next`,
    async (context) => {
      const scene = { ...context, daemon: await context.lab.daemon() };
      const template = await makeTemplate(scene, "t", source, true);
      const { octets } = await runRelayed(await startAttempt(scene, template, "whole"), () => ({}));
      let number = 0;
      for (const place of places(count, octets, source)) {
        await named(place, async () => {
          const attempt = await startAttempt(scene, template, String(number++));
          const { code } = await runRelayed(attempt, interruptAt(place));
          assert.notEqual(code, 0, "the run was not interrupted");
          const other = source === "local" ? "remote" : "local";
          await change(attempt.stores[source], {
            expunge: [digest("old", 2)],
            flag: { [digest("old", 3)]: "\\Flagged" },
          });
          await change(attempt.stores[other], { flag: { [digest("old", 4)]: "\\Seen" } });
          const messages = await recovered(attempt);
          assert.equal(messages.size, OLD - 1 + NEW);
          assert.ok(!messages.has(digest("old", 2)), "the message deleted meanwhile is back");
          assert.deepEqual(messages.get(digest("old", 3))?.flags, ["\\Flagged"]);
          assert.deepEqual(messages.get(digest("old", 4))?.flags, ["\\Seen"]);
        });
      }
    },
    { newProgramOnly: true },
  );
}

liveTest("a very first run interrupted at 6 places is completed by the next", async (context) => {
  const scene = { ...context, daemon: await context.lab.daemon() };
  const template = await makeTemplate(scene, "t", "remote", false);
  const { octets } = await runRelayed(await startAttempt(scene, template, "whole"), () => ({}));
  let number = 0;
  for (const place of places(6, octets, "remote")) {
    await named(place, async () => {
      const attempt = await startAttempt(scene, template, String(number++));
      const { code } = await runRelayed(attempt, interruptAt(place));
      assert.notEqual(code, 0, "the run was not interrupted");
      await change(attempt.stores.remote, { expunge: [digest("new", 2)], flag: { [digest("new", 3)]: "\\Flagged" } });
      const messages = await recovered(attempt);
      assert.equal(messages.size, OLD + NEW - 1);
      assert.ok(!messages.has(digest("new", 2)), "the message deleted meanwhile is back");
      assert.deepEqual(messages.get(digest("new", 3))?.flags, ["\\Flagged"]);
    });
  }
}, { newProgramOnly: true });

/** Cuts the connection in place of the `nth` answer to an APPEND, which the server has carried out. */
function swallowAppend(target: Side, nth: number): (side: Side) => RelayRules {
  const seen = { count: 0 };
  return (side) =>
    side !== target ? {} : {
      line: (sender, text) =>
        sender === "server" && /^\S+ OK \[APPENDUID /.test(text) && ++seen.count === nth ? "cut" : "pass",
    };
}

liveTest("a message whose APPEND was carried out, but not answered, is not copied again", async (context) => {
  const withoutMultiappend = "IMAP4rev1 SASL-IR LITERAL+ ENABLE UIDPLUS LIST-EXTENDED LIST-STATUS CONDSTORE QRESYNC";
  const scene = { ...context, daemon: await context.lab.daemon({ 2: { capabilities: withoutMultiappend } }) };
  const one = { hostname: "127.0.0.2", port: scene.daemon.port };
  const cases: readonly (readonly [source: Side, nth: number, target: RelayTarget])[] = [
    ["remote", 1, scene.daemon],
    ["remote", 3, scene.daemon],
    ["local", 2, scene.daemon],
    ["remote", 1, one],
    ["local", 57, one],
  ];
  const templates = {
    local: await makeTemplate(scene, "tl", "local", true),
    remote: await makeTemplate(scene, "tr", "remote", true),
  };
  for (const [number, [source, nth, target]] of cases.entries()) {
    await named({ source, nth, target }, async () => {
      const attempt = await startAttempt(scene, templates[source], String(number));
      const copying = source === "local" ? "remote" : "local";
      const { code } = await runRelayed(attempt, swallowAppend(copying, nth), target);
      assert.notEqual(code, 0, "the run was not interrupted");
      // of the messages under way one is deleted and one is read by the user
      await change(attempt.stores[source], { expunge: [digest("new", 1)], flag: { [digest("new", 2)]: "\\Seen" } });
      const messages = await recovered(attempt);
      assert.equal(messages.size, OLD + NEW - 1);
      assert.ok(!messages.has(digest("new", 1)), "the message deleted meanwhile is back");
      assert.deepEqual(messages.get(digest("new", 2))?.flags, ["\\Seen"]);
    });
  }
}, { newProgramOnly: true });
