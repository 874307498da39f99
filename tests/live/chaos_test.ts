// Clients hammer both servers while --watch or --notify runs and its connections are cut about every second. In the end
// both sides are equal, what nobody deleted is there once, what somebody deleted is gone, and the process lives.
// INTERIMAP_TEST_SEED repeats the choices (not the timing), INTERIMAP_TEST_CHAOS_MS makes it longer.

import assert from "node:assert/strict";
import type { ImapProbe } from "../support/imap_probe.ts";
import { ChaosLedger } from "../support/live/chaos_ledger.ts";
import { type Deed, DEEDS, Hammer } from "../support/live/hammer.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, type RunningProgram, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { SIDES, Storm } from "../support/live/storm.ts";
import { MISTAKEN } from "../support/live/watching.ts";
import { waitUntil, within } from "../support/live/waiting.ts";
import type { Side, Stores } from "../support/live/watching.ts";
import { compareFacts, compareStores, digestOf, readStore, type StoreFacts } from "../support/live/witness.ts";

const CHAOS_MS = Number(Deno.env.get("INTERIMAP_TEST_CHAOS_MS") ?? 24_000);
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 1);
const ROUND_MS = 12_000;
const CLIENTS_PER_SIDE = 2;
const MAILBOXES = ["INBOX", "box", "work\0deep"];
const CONVERGENCE_LIMIT_MS = 60_000;
/** Longer than a look of --watch=1 takes. */
const IDLE_MS = 1700;
const FORMS = [["--watch=1"], ["--notify"]] as const;
/** What a run that finds nothing to do does not send. */
const EFFECT = /^\S+ (APPEND|CREATE|DELETE|RENAME|(UN)?SUBSCRIBE|UID (STORE|EXPUNGE|MOVE|COPY))\b/;

interface Scene {
  readonly context: LiveContext;
  readonly stores: Stores;
  readonly workspace: Workspace;
  readonly storm: Storm;
  readonly ledger: ChaosLedger;
  readonly hammers: readonly Hammer[];
}

async function openScene(context: LiveContext, storm: Storm, stores: Stores, probes: ImapProbe[]): Promise<Scene> {
  const section = (side: Side) => plainSection(stores[side], storm.relay(side));
  const { directory } = context.lab;
  const globals = { logfile: `${directory}/log`, "max-deletes": "none" };
  const workspace = await Workspace.create(`${directory}/w`, section("local"), section("remote"), globals);
  const ledger = new ChaosLedger(MAILBOXES);
  const hammers: Hammer[] = [];
  for (const side of SIDES) {
    const path = (mailbox: string) => stores[side].path(...mailbox.split("\0"));
    for (let number = 0; number < CLIENTS_PER_SIDE; number++) {
      const probe = await stores[side].probe();
      probes.push(probe);
      const random = new SeededRandom(SEED + 1 + hammers.length);
      hammers.push(new Hammer({ side, label: `${side}-${number}`, probe, ledger, random, path }));
      if (number > 0) continue;
      for (const name of MAILBOXES.slice(1)) await probe.create(path(name));
    }
  }
  return { context, stores, workspace, storm, ledger, hammers };
}

/** Waits until both sides hold the same, and the program has nothing more to do. */
async function convergence({ stores, storm }: Scene, hasEnded: () => boolean): Promise<void> {
  const state: { differences: readonly string[] } = { differences: [] };
  const isDone = async () => {
    assert.ok(!hasEnded(), "the program has ended");
    if (!storm.isIdle(IDLE_MS)) return false;
    const [local, remote] = await Promise.all([readStore(stores.local), readStore(stores.remote)]);
    state.differences = compareFacts(local, remote);
    return state.differences.length === 0 && storm.isIdle(IDLE_MS);
  };
  await waitUntil("both sides are equal", isDone, CONVERGENCE_LIMIT_MS).catch((error: Error) => {
    error.message += `: ${state.differences.join("\n")}`;
    throw error;
  });
}

/** Hammers and cuts for a while, lets the watch finish and ends it. Returns how many deleted ones came back once. */
async function round(scene: Scene, args: readonly string[], ms: number): Promise<number> {
  const { context, workspace, storm, ledger, hammers, stores } = scene;
  const running: RunningProgram = workspace.start(context.program, args);
  const state = { ended: false };
  running.result.then(() => state.ended = true);
  try {
    const end = performance.now() + ms;
    const isOver = () => performance.now() > end || state.ended;
    await Promise.all([storm.rage(isOver), ...hammers.map((hammer) => hammer.run(isOver))]);
    await convergence(scene, () => state.ended);
    running.kill("SIGTERM");
    const { code, stderr } = await within("the end after SIGTERM", running.result, 5000);
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, MISTAKEN);
  } finally {
    if (!state.ended) running.kill("SIGKILL");
  }
  const { local, remote, differences } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  const before = storm.said.length;
  await workspace.sync(context.program);
  assert.deepEqual(storm.said.slice(before).filter(({ text }) => EFFECT.test(text)), [], "a further run found work");
  return judge(ledger, local, remote);
}

function judge(ledger: ChaosLedger, local: StoreFacts, remote: StoreFacts): number {
  const judgement = ledger.judge(local);
  assert.deepEqual(judgement.complaints, []);
  assert.deepEqual(ledger.judge(remote).complaints, []);
  ledger.rest(local);
  return judgement.returned;
}

function summary({ hammers, storm, ledger }: Scene, returned: number, facts: StoreFacts): string {
  const sum = (deed: Deed) => hammers.reduce((total, { counts }) => total + counts[deed], 0);
  const left = ledger.mailboxes.reduce((total, name) => total + (facts.mailboxes.get(name)?.messages.length ?? 0), 0);
  return `seed ${SEED}: ${DEEDS.map((deed) => `${sum(deed)} ${deed}`).join(", ")} by ${hammers.length} clients; ` +
    `${storm.cuts} cuts of ${storm.connections} connections, ${storm.answersLost} of them in place of the answer to an ` +
    `APPEND; the program said ${storm.count(/ APPEND /)} APPEND, ` +
    `${storm.count(/ UID STORE /)} STORE, ${storm.count(/ UID EXPUNGE /)} EXPUNGE; ` +
    `${left} messages on both sides, 0 lost, 0 doubled; deleted on the target and back once: ${returned}`;
}

/** A mailbox with one message for each set of flags, all with the same body. */
function holding(body: Uint8Array, ...flagSets: readonly (readonly string[])[]): StoreFacts {
  const digest = digestOf(body);
  const messages = flagSets.map((flags, at) => ({ uid: at + 1, flags, internalDate: 0, octets: body.length, digest }));
  return { mailboxes: new Map([["INBOX", { uidValidity: 1, uidNext: 9, messages }]]), subscribed: new Set() };
}

Deno.test("the ledger notices what is lost, doubled, strange, back, or has lost a flag", () => {
  const [body, other] = [plainMessage("a"), plainMessage("b")];
  const ledger = new ChaosLedger(["INBOX"]);
  const complaints = (facts: StoreFacts) => ledger.judge(facts).complaints.length;
  ledger.append("local", "INBOX", "a", { body, flags: ["work"] });
  ledger.change("INBOX", "a", "\\Seen", "add");
  assert.equal(complaints(holding(body, ["\\Seen", "work"])), 0);
  assert.equal(complaints(holding(body, ["work"])), 1, "a lost flag");
  assert.equal(complaints(holding(body, ["\\Draft", "\\Seen", "work"])), 1, "a strange flag");
  assert.equal(complaints(holding(body)), 1, "a lost message");
  assert.equal(complaints(holding(body, ["\\Seen", "work"], ["\\Seen", "work"])), 1, "a doubled message");
  assert.equal(complaints(holding(other, [])), 2, "one is lost, one is strange");
  ledger.change("INBOX", "a", "work", "remove");
  assert.equal(complaints(holding(body, ["\\Seen"])), 0);
  ledger.remove("remote", "INBOX", "a");
  assert.deepEqual(ledger.judge(holding(body, [])), { complaints: [], returned: 1 });
  ledger.remove("local", "INBOX", "a");
  assert.equal(complaints(holding(body, [])), 1, "deleted where it was made, and there");
});

Deno.test("after a point of rest a deletion on either side is final", () => {
  const body = plainMessage("a");
  const ledger = new ChaosLedger(["INBOX"]);
  ledger.append("local", "INBOX", "a", { body });
  ledger.rest(holding(body, []));
  ledger.remove("remote", "INBOX", "a");
  assert.equal(ledger.judge(holding(body, [])).complaints.length, 1);
  assert.deepEqual(ledger.judge(holding(body)), { complaints: [], returned: 0 });
});

liveTest(
  `clients hammer both servers for ${CHAOS_MS / 1000} s while a watch loses its connections`,
  async (context) => {
    console.log(`seed ${SEED}`);
    const { lab, program } = context;
    const stores = {
      local: await lab.store("local", { format: "maildir", separator: "/" }),
      remote: await lab.store("remote", { format: "mdbox", separator: "." }),
    };
    await using storm = new Storm(await lab.daemon(), new SeededRandom(SEED));
    const probes: ImapProbe[] = [];
    const scene = await openScene(context, storm, stores, probes);
    await scene.workspace.sync(program);
    const rounds = Math.max(2, Math.round(CHAOS_MS / ROUND_MS));
    let returned = 0;
    for (let number = 0; number < rounds; number++) {
      returned += await round(scene, FORMS[number % 2 === 0 ? 0 : 1], CHAOS_MS / rounds);
    }
    for (const probe of probes) await probe.close();
    console.log(summary(scene, returned, await readStore(stores.local)));
    for (const deed of DEEDS) {
      assert.ok(scene.hammers.every(({ counts }) => counts[deed] > 0), `a client did no ${deed}`);
    }
    assert.ok(storm.cuts >= rounds * 2, `${storm.cuts} cuts`);
  },
  { newProgramOnly: true },
);
