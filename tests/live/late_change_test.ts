// A foreign flag change that arrives while the program is at work, between its STORE and the end of its run, is found
// by the next run at the latest: the stored mod-sequence has not swallowed it.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import type { Daemon, Lab, MailStore } from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, type Program, Workspace } from "../support/live/program.ts";
import { compareStores, digestOf, readStore } from "../support/live/witness.ts";
import { Relay, type Verdict } from "../support/relay.ts";

type Side = "local" | "remote";

const MOMENTS = ["before the STORE arrives", "before its answer", "right after its answer"] as const;

interface Variant {
  readonly moment: typeof MOMENTS[number];
  /** Where the program stores; the user has changed the other side. */
  readonly target: Side;
  /** Where the foreign change happens. */
  readonly foreign: Side;
  readonly message: "the same message" | "another message";
}

function* variants(): Generator<Variant> {
  for (const moment of MOMENTS) {
    for (const target of ["remote", "local"] as const) {
      for (const foreign of ["remote", "local"] as const) {
        for (const message of ["the same message", "another message"] as const) {
          yield { moment, target, foreign, message };
        }
      }
    }
  }
}

const BODIES = ["first", "second", "third"].map((id) => plainMessage(id));

function digestAt(index: number): string {
  return digestOf(BODIES[index] ?? new Uint8Array());
}

async function addFlag(store: MailStore, digest: string, flag: string): Promise<void> {
  const facts = await readStore(store);
  const uid = facts.mailboxes.get("INBOX")?.messages.find((message) => message.digest === digest)?.uid;
  assert.ok(uid !== undefined);
  await store.with(async (probe) => {
    await probe.select("INBOX");
    await probe.store([uid], "+FLAGS", [flag]);
  });
}

/** Lets `change` happen once, at the given moment of the first UID STORE. */
function at(
  moment: Variant["moment"],
  change: () => Promise<void>,
): (sender: string, text: string) => Promise<Verdict> {
  const state: { tag: string | null; done: boolean } = { tag: null, done: false };
  return async (sender, text) => {
    const command = /^(\S+) UID STORE /.exec(text);
    if (sender === "client" && command !== null && state.tag === null) {
      state.tag = command[1] ?? "";
      if (moment !== "before the STORE arrives") return "pass";
      await change();
      return "pass";
    }
    if (sender === "client" || state.done || state.tag === null || !text.startsWith(`${state.tag} `)) return "pass";
    state.done = true;
    if (moment === "right after its answer") return { afterwards: change };
    if (moment === "before its answer") await change();
    return "pass";
  };
}

async function play(variant: Variant, lab: Lab, daemon: Daemon, program: Program, name: string): Promise<void> {
  const layout = { format: "maildir", separator: "/" } as const;
  const stores = { local: await lab.store(`l${name}`, layout), remote: await lab.store(`r${name}`, layout) };
  const direct = { local: plainSection(stores.local, daemon), remote: plainSection(stores.remote, daemon) };
  await stores.local.with(async (probe) => {
    for (const body of BODIES) await probe.append("INBOX", { body });
  });
  const workspace = await Workspace.create(`${lab.directory}/w${name}`, direct.local, direct.remote);
  await workspace.sync(program);

  const source = variant.target === "local" ? stores.remote : stores.local;
  await addFlag(source, digestAt(0), "\\Seen");
  const late = digestAt(variant.message === "the same message" ? 0 : 2);
  const changes = { count: 0 };
  const change = async () => {
    changes.count++;
    await addFlag(stores[variant.foreign], late, "\\Flagged");
  };
  {
    await using relay = Relay.start(daemon, { line: at(variant.moment, change) });
    const relayed = { ...direct, [variant.target]: plainSection(stores[variant.target], relay) };
    await workspace.configure(relayed.local, relayed.remote);
    await workspace.sync(program);
  }
  assert.equal(changes.count, 1, "the program sent no UID STORE");

  await workspace.configure(direct.local, direct.remote);
  await workspace.sync(program);
  const { differences, local } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  const flagsOf = (digest: string) =>
    local.mailboxes.get("INBOX")?.messages.find((message) => message.digest === digest)?.flags ?? [];
  assert.ok(flagsOf(digestAt(0)).includes("\\Seen"), "the user's change is lost");
  assert.ok(flagsOf(late).includes("\\Flagged"), "the foreign change is lost");
}

for (const moment of MOMENTS) {
  // The original lets the flags of the target win when its conditional STORE fails.
  const options = { newProgramOnly: moment === "before the STORE arrives" };
  liveTest(`a foreign flag change ${moment} is found by the next run`, async ({ lab, program }) => {
    const daemon = await lab.daemon();
    let number = 0;
    for (const variant of variants()) {
      if (variant.moment !== moment) continue;
      await play(variant, lab, daemon, program, String(number++)).catch((error: Error) => {
        error.message = `${JSON.stringify(variant)}: ${error.message}`;
        throw error;
      });
    }
    assert.equal(number, 8);
  }, options);
}
