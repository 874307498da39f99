// What the database costs, in a file in the temporary folder and without waiting for the disk. A name ends in what one
// iteration works through; scripts/microbench.ts divides by it.

import { UidSet } from "../../lib/protocol/mod.ts";
import type { Pair } from "../../lib/state/types.ts";
import { StateFile } from "../support/state_file.ts";

const PAIRS = 10_000;
const BATCH = 128;

const folder = await Deno.makeTempDir({ prefix: "interimap-bench-" });
const file = new StateFile(`${folder}/state.db`);
const store = file.store();
const { idx } = store.addMailbox("INBOX", true);
const pairs: readonly Pair[] = Array.from({ length: PAIRS }, (_, at) => ({ localUid: at + 1, remoteUid: 2 * at + 1 }));
const batches = Array.from({ length: Math.ceil(PAIRS / BATCH) }, (_, at) => pairs.slice(at * BATCH, (at + 1) * BATCH));
store.apply([{ kind: "pair", idx, pairs }]);

const scratch = store.addMailbox("scratch", true).idx;
const everyTenth = UidSet.of(pairs.filter((_, at) => at % 10 === 0).map(({ localUid }) => localUid));

Deno.bench({
  group: "store",
  name: `pairs inserted and removed, ${BATCH} in a transaction / ${PAIRS} messages`,
  fn: () => {
    for (const batch of batches) store.apply([{ kind: "pair", idx: scratch, pairs: batch }]);
    store.apply([{ kind: "unpair", idx: scratch, pairs }]);
  },
});
Deno.bench({
  group: "store",
  name: `pairsTouching() of scattered UIDs / ${everyTenth.size} messages`,
  fn: () => void store.pairsTouching(idx, "local", everyTenth),
});
Deno.bench({
  group: "store",
  name: `pairsTouching() of one range / ${PAIRS} messages`,
  fn: () => void store.pairsTouching(idx, "remote", UidSet.range(1, 2 * PAIRS)),
});
Deno.bench({
  group: "store",
  name: `pairedUids() / ${PAIRS} messages`,
  fn: () => void store.pairedUids(idx, "remote", 1),
});

globalThis.addEventListener("unload", () => {
  file.close();
  Deno.removeSync(folder, { recursive: true });
});
