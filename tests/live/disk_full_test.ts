// A disk that is full when the state has to be written: the run ends with one line before its next effect on a server, and
// the run that finds room again completes the work, once.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, Workspace } from "../support/live/program.ts";
import { compareStores, readStore } from "../support/live/witness.ts";

const NEW = 40;

/** Runs the program twice on a file system of its own: full, then with room. $2: where the database is kept outside. */
const SCRIPT = `
database=$1; kept=$2; shift 2
cp "$database" "$kept" && mount -t tmpfs -o size=512k none "$(dirname "$database")" && cp "$kept" "$database" || exit 99
dd if=/dev/zero of="$(dirname "$database")/filler" bs=1k count=4096 2>/dev/null
"$@"
echo "status $?" >&2
rm "$(dirname "$database")/filler"
"$@"
echo "status $?" >&2
cp "$database" "$kept"
`;

liveTest(
  "a full disk ends the run before its next effect, and the next run completes the work once",
  async (context) => {
    const { lab, program } = context;
    const daemon = await lab.daemon();
    const local = await lab.store("local", { format: "maildir", separator: "/" });
    const remote = await lab.store("remote", { format: "mdbox", separator: "." });
    const sections = [plainSection(local, daemon), plainSection(remote, daemon)] as const;
    const workspace = await Workspace.create(`${lab.directory}/w`, ...sections);
    await local.with((probe) => probe.append("INBOX", { body: plainMessage("old") }));
    await workspace.sync(program);
    await local.with(async (probe) => {
      for (let i = 0; i < NEW; i++) await probe.append("INBOX", { body: plainMessage(`new ${i}`) });
    });
    const kept = `${lab.directory}/kept`;
    const wrapped = ["unshare", "--mount", "--map-root-user", "sh", "-c", SCRIPT, "sh", workspace.databaseFile, kept];
    const confined = { ...program, command: [...wrapped, ...program.command] };
    const result = await workspace.run(confined);
    const [full = "", roomy = ""] = result.stderr.split(/^status \d+$/m);
    assert.match(
      full,
      /database: ERROR: Database .* could not be written: no space is left on its disk/,
      result.stderr,
    );
    assert.deepEqual(result.stderr.match(/^status \d+$/mg), ["status 1", "status 0"], result.stderr);
    assert.match(roomy, new RegExp(`Added ${NEW} UID`), result.stderr);
    await Deno.copyFile(kept, workspace.databaseFile);
    const { differences } = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(differences, []);
    assert.equal((await readStore(remote)).mailboxes.get("INBOX")?.messages.length, 1 + NEW);
  },
  { newProgramOnly: true },
);
