// What deciding costs: the planner, and the sets of UIDs that it works with. A name ends in what one iteration works
// through; scripts/microbench.ts divides by it.

import { makeFlagSet, MAX_UID, UidSet } from "../../lib/protocol/mod.ts";
import type { Observation, Pair } from "../../lib/sync/model.ts";
import { plan } from "../../lib/sync/plan.ts";

const COUNT = 10_000;

const pairs: readonly Pair[] = Array.from({ length: COUNT }, (_, at) => ({ localUid: at + 1, remoteUid: 2 * at + 1 }));
const seen = makeFlagSet(["\\Seen"]);
const flagged = makeFlagSet(["\\Flagged", "\\Seen"]);
const agreed = { get: () => null };

function observed(changes: Partial<Observation>): Observation {
  const nothing = {
    vanished: UidSet.empty,
    modified: new Map(),
    arrived: UidSet.empty,
    permanentFlags: null,
    readOnly: false,
  };
  return { uidValidity: 1, uidNext: 3 * COUNT, highestModSeq: 9n, ...nothing, ...changes };
}

const nothing = observed({});
const modified = observed({
  modified: new Map(pairs.map(({ remoteUid }, at) => [remoteUid, at % 2 === 0 ? seen : flagged])),
});
const vanished = observed({ vanished: UidSet.of(pairs.map(({ remoteUid }) => remoteUid)) });

Deno.bench({
  group: "plan",
  name: `flags of every message changed / ${COUNT} messages`,
  fn: () => void plan({ local: nothing, remote: modified, pairs, agreed }),
});
Deno.bench({
  group: "plan",
  name: `every message gone / ${COUNT} messages`,
  fn: () => void plan({ local: nothing, remote: vanished, pairs, agreed }),
});

const uids = pairs.map(({ remoteUid }) => remoteUid);
const scattered = UidSet.of(uids);
const others = UidSet.of(uids.map((uid) => uid + uid % 3));
const holes = UidSet.range(1, MAX_UID).subtract(scattered);

Deno.bench({ group: "UidSet", name: `of() / ${COUNT} UIDs`, fn: () => void UidSet.of(uids) });
Deno.bench({ group: "UidSet", name: `has() / ${COUNT} UIDs`, fn: () => uids.forEach((uid) => scattered.has(uid)) });
Deno.bench({ group: "UidSet", name: `union() / ${COUNT} ranges`, fn: () => void scattered.union(others) });
Deno.bench({ group: "UidSet", name: `intersect() / ${COUNT} ranges`, fn: () => void scattered.intersect(holes) });
Deno.bench({ group: "UidSet", name: `subtract() / ${COUNT} ranges`, fn: () => void others.subtract(scattered) });
Deno.bench({ group: "UidSet", name: `toString() / ${COUNT} ranges`, fn: () => void scattered.toString() });
