// Deletions next to a keyword that the mailbox has never had: behind a STORE or an APPEND of such a keyword, sent
// without waiting, Dovecot 2.3.19 says OK to UID EXPUNGE and removes nothing, and neither NOOP nor another EXPUNGE helps
// for sure. What is sent before the keyword, after its answer or after another SELECT is carried out.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { tunnelSection, Workspace } from "../support/live/program.ts";
import { compareStores } from "../support/live/witness.ts";

const MESSAGES = 12;

liveTest(
  "one run carries out deletions and keywords that are new to the mailbox, in both directions",
  async (context) => {
    const { lab, program } = context;
    const local = await lab.store("local", { format: "maildir", separator: "/" });
    const remote = await lab.store("remote", { format: "mdbox", separator: "/" });
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
    const mailboxes = ["INBOX", "from remote", "from both"];
    await local.with(async (probe) => {
      for (const mailbox of mailboxes) {
        if (mailbox !== "INBOX") await probe.create(mailbox);
        for (let at = 0; at < MESSAGES; at++) await probe.append(mailbox, { body: plainMessage(`${mailbox} ${at}`) });
      }
    });
    await workspace.sync(program);
    for (const [store, changed] of [[local, ["INBOX", "from both"]], [remote, ["from remote", "from both"]]] as const) {
      const first = store === local ? 1 : 7;
      await store.with(async (probe) => {
        for (const mailbox of changed) {
          await probe.select(mailbox);
          const uids = (await probe.messages(`${first}:${first + 4}`)).map(({ uid }) => uid);
          await probe.store(uids.slice(0, 1), "+FLAGS.SILENT", [`new-${store.name}`]);
          await probe.store(uids.slice(1, 2), "+FLAGS.SILENT", ["\\Seen", `other-${store.name}`]);
          await probe.expunge(uids.slice(3, 5));
          await probe.command("UNSELECT");
          await probe.append(mailbox, {
            body: plainMessage(`${mailbox} ${store.name}`),
            flags: [`third-${store.name}`],
          });
        }
      });
    }
    await workspace.sync(program);
    const { differences } = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(differences, []);
    await remote.with(async (probe) => {
      for (const mailbox of mailboxes) {
        const { exists } = await probe.examine(mailbox);
        assert.equal(exists, mailbox === "from both" ? MESSAGES - 4 + 2 : MESSAGES - 2 + 1, mailbox);
      }
    });
  },
  { newProgramOnly: true },
);
