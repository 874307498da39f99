// How many round trips to the remote server a run waits for when everything has changed in twenty mailboxes, counted by
// a relay that lets answers through in rounds: the same number on every machine, over however many connections.

import assert from "node:assert/strict";
import type { ImapProbe } from "../support/imap_probe.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, Workspace } from "../support/live/program.ts";
import { within } from "../support/live/waiting.ts";
import { compareStores } from "../support/live/witness.ts";
import { type Round, RoundRelay } from "../support/round_relay.ts";

/** Without the one in which a connection is made. How soon more connections are there depends on the time of day. */
const MAX_ROUNDS = { idle: 2, twenty: 10 };

const SIDES = ["local", "remote"] as const;
const RUN_LIMIT_MS = 120_000;
const MAILBOXES = ["INBOX", ...Array.from({ length: 19 }, (_, at) => `box ${at + 1}`)];
/** In each mailbox: two messages for each side to delete and to flag. */
const OLD_MESSAGES = 4;

/** New, deleted and flagged messages in every mailbox; what the other side changes is something else. */
async function changeEverything(probe: ImapProbe, side: (typeof SIDES)[number]): Promise<void> {
  const [gone, flagged] = side === "local" ? [1, 2] : [3, 4];
  for (const mailbox of MAILBOXES) {
    await probe.append(mailbox, { body: plainMessage(`${mailbox} ${side}`), flags: ["\\Seen"] });
    await probe.select(mailbox);
    const uids = (await probe.messages(`1:${OLD_MESSAGES}`)).map(({ uid }) => uid);
    await probe.store(uids.slice(flagged - 1, flagged), "+FLAGS.SILENT", ["\\Flagged"]);
    await probe.expunge(uids.slice(gone - 1, gone));
    await probe.command("UNSELECT");
  }
}

/** Which commands began in which round, for people. */
function shown(rounds: readonly Round[]): string {
  return rounds.map(({ commands }, at) => `${at}: ${commands.map((one) => one.join(" ")).join(", ")}`).join("\n");
}

/** Two stores with the same messages in twenty mailboxes, and what counts a run of the program on them. */
async function prepare({ lab, program }: LiveContext) {
  const daemon = await lab.daemon();
  const stores = {
    local: await lab.store("local", { format: "maildir", separator: "/" }),
    remote: await lab.store("remote", { format: "mdbox", separator: "/" }),
  };
  await stores.local.with(async (probe) => {
    for (const mailbox of MAILBOXES) {
      if (mailbox !== "INBOX") await probe.create(mailbox);
      for (let at = 0; at < OLD_MESSAGES; at++) {
        await probe.append(mailbox, { body: plainMessage(`${mailbox} ${at}`) });
      }
    }
  });
  const workspace = await Workspace.create(
    `${lab.directory}/w`,
    plainSection(stores.local, daemon),
    plainSection(stores.remote, daemon),
  );
  await workspace.sync(program);
  /** Runs, and checks that both sides are equal. */
  const count = async (what: string, bound: number): Promise<number> => {
    await using relay = new RoundRelay();
    await workspace.configure(
      plainSection(stores.local, relay.listen(daemon, "near")),
      plainSection(stores.remote, relay.listen(daemon, "far")),
    );
    const running = workspace.start(program);
    const kill = () => running.kill("SIGKILL");
    const rounds = await within(what, relay.drive(running.pid, running.result), RUN_LIMIT_MS, kill);
    const { code, stderr } = await running.result;
    assert.equal(code, 0, stderr);
    const { differences } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
    assert.deepEqual(differences, []);
    console.log(`${what}: ${rounds} round trips`);
    assert.ok(rounds <= bound, `${what}: ${rounds} round trips, ${bound} are allowed:\n${shown(relay.rounds)}`);
    return rounds;
  };
  return { stores, count };
}

liveTest("changes of all kinds on both sides of twenty mailboxes need few round trips", async (context) => {
  const { stores, count } = await prepare(context);
  for (const side of SIDES) await stores[side].with((probe) => changeEverything(probe, side));
  await count("twenty mailboxes", MAX_ROUNDS.twenty);
  await count("idle", MAX_ROUNDS.idle);
}, { newProgramOnly: true });
