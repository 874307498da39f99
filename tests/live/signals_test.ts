// SIGTERM ends a run with status 0 and SIGINT with 1, soon, wherever it is; what the servers have confirmed is in the state
// file, and the next run completes the work without losing or doubling anything.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, tunnelSection, Workspace } from "../support/live/program.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareStores } from "../support/live/witness.ts";
import { Relay, type RelayRules, type Sender } from "../support/relay.ts";

const SIGNALS = [["SIGTERM", 0], ["SIGINT", 1]] as const;
const SOON_MS = 5000;
const NEW = 20;

/** Where the run is when the signal comes: with a line like this the remote server falls silent. */
const MOMENTS: readonly (readonly [what: string, sender: Sender, line: RegExp])[] = [
  ["while it waits for the answer to its login", "client", / AUTHENTICATE /],
  ["while it waits for the list of mailboxes", "client", / LIST /],
  ["while it waits for a mailbox to be selected", "client", / SELECT /],
  ["in the middle of the messages that arrive", "server", /^\* 10 FETCH /],
  ["while it waits for the answer to an APPEND", "server", / OK \[APPENDUID /],
];

for (const [signal, status] of SIGNALS) {
  liveTest(
    `${signal} ends a run with status ${status} wherever it is, and the next one completes it`,
    async (context) => {
      const { lab, program, test } = context;
      const daemon = await lab.daemon();
      const first = {
        local: await lab.store("local", { format: "sdbox", separator: "/" }),
        remote: await lab.store("remote", { format: "mdbox", separator: "." }),
      };
      for (const store of [first.local, first.remote]) {
        await store.with(async (probe) => {
          for (let i = 0; i < NEW; i++) {
            await probe.append("INBOX", { body: plainMessage(`${store.name}-${i}`, "x".repeat(60_000)) });
          }
        });
      }
      for (const [i, [what, from, line]] of MOMENTS.entries()) {
        await test.step(what, async () => {
          const local = await lab.copyOf(first.local, `l${i}`);
          const remote = await lab.copyOf(first.remote, `r${i}`);
          const workspace = await Workspace.create(`${lab.directory}/w${i}`, {}, {});
          let reached = false;
          const rules: RelayRules = {
            line(sender, text) {
              if (sender === from && line.test(text)) reached = true;
              return reached && sender === "server" ? "drop" : "pass";
            },
          };
          {
            await using relay = Relay.start(daemon, rules);
            await workspace.configure(tunnelSection(local), plainSection(remote, relay));
            const running = workspace.start(program);
            await waitUntil("the program has asked", () => Promise.resolve(reached), 10_000);
            const asked = performance.now();
            running.kill(signal);
            const { code, lines } = await running.result;
            assert.equal(code, status, lines.join("\n"));
            assert.ok(performance.now() - asked < SOON_MS);
            assert.doesNotMatch(lines.join("\n"), /bug|ERROR|WARNING/);
          }
          await workspace.configure(tunnelSection(local), tunnelSection(remote));
          await workspace.sync(program);
          const { differences, local: facts } = await compareStores(local, remote, workspace.databaseFile);
          assert.deepEqual(differences, []);
          assert.equal(facts.mailboxes.get("INBOX")?.messages.length, 2 * NEW);
        });
      }
    },
  );
}
