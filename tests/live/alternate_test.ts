// The original and this program take turns on one database and one pair of stores: what either leaves behind, the
// other can continue.

import assert from "node:assert/strict";
import { applyChanges, compareWithExpected, History } from "../support/live/history.ts";
import { liveTest } from "../support/live/live_case.ts";
import { theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { compareStores, readStore } from "../support/live/witness.ts";

const ROUNDS = 20;

for (const [index, first] of ["the original", "the program"].entries()) {
  liveTest(`${ROUNDS} rounds in turns with the original, ${first} first, stay equal`, async ({ lab, program }) => {
    const original = await theOriginal();
    const history = new History(new SeededRandom(700 + index));
    const local = await lab.store("local", { format: "maildir", separator: "/" });
    const remote = await lab.store("remote", { format: "mdbox", separator: "." });
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
    let facts = { local: await readStore(local), remote: await readStore(remote) };
    for (let round = 0; round < ROUNDS; round++) {
      const changes = history.next(8);
      await Promise.all([
        applyChanges(local, facts.local, changes.local),
        applyChanges(remote, facts.remote, changes.remote),
      ]);
      const turn = (round + index) % 2 === 0 ? original : program;
      const result = await workspace.sync(turn);
      assert.doesNotMatch(result.stderr, /ERROR|PANIC|Redownloading/);
      const comparison = await compareStores(local, remote, workspace.databaseFile);
      const differences = [...comparison.differences, ...compareWithExpected(history.expected, comparison.local)];
      assert.deepEqual(differences, [], `round ${round}, after ${turn.command.join(" ")}, of ${history.summary()}`);
      facts = comparison;
    }
  });
}
