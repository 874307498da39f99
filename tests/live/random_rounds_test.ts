// Random changes on both sides between runs: after every run both sides are equal, hold what the users meant, and the
// mapping is exact. INTERIMAP_TEST_SEED repeats a run with other choices.

import assert from "node:assert/strict";
import { applyChanges, compareWithExpected, History } from "../support/live/history.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { Layout } from "../support/live_dovecot.ts";
import { tunnelSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { compareStores, readStore } from "../support/live/witness.ts";

const ROUNDS = 25;
const CHANGES_PER_SIDE = 9;
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 20_261_122);

const PAIRS: readonly (readonly [local: Layout, remote: Layout])[] = [
  [{ format: "maildir", separator: "/" }, { format: "mdbox", separator: "^" }],
  [{ format: "mdbox", separator: "." }, { format: "sdbox", separator: "/" }],
  [{ format: "maildir", separator: "." }, { format: "maildir", separator: "^" }],
  [{ format: "sdbox", separator: "^" }, { format: "maildir", separator: "." }],
];

PAIRS.forEach(([localLayout, remoteLayout], index) => {
  const title = [localLayout, remoteLayout].map(({ format, separator }) => `${format} "${separator}"`).join(" and ");

  liveTest(`${ROUNDS} rounds of random changes to ${title} converge`, async ({ lab, program }) => {
    const history = new History(new SeededRandom(SEED + index));
    const local = await lab.store("local", localLayout);
    const remote = await lab.store("remote", remoteLayout);
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
    let facts = { local: await readStore(local), remote: await readStore(remote) };
    for (let round = 0; round < ROUNDS; round++) {
      const changes = history.next(CHANGES_PER_SIDE);
      await Promise.all([
        applyChanges(local, facts.local, changes.local),
        applyChanges(remote, facts.remote, changes.remote),
      ]);
      await workspace.sync(program);
      const comparison = await compareStores(local, remote, workspace.databaseFile);
      const differences = [...comparison.differences, ...compareWithExpected(history.expected, comparison.local)];
      assert.deepEqual(differences, [], `round ${round} of ${history.summary()}`);
      facts = comparison;
    }
    console.log(history.summary());
    for (const [kind, count] of history.counts) assert.ok(count > 0, `no ${kind} in ${history.summary()}`);
  });
});
