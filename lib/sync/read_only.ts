// Mailboxes that a server lets us read only (RFC 9051 7.1, READ-ONLY): which messages are not copied there, what is
// remembered of them, what is told, and that nothing is known of the flags that they keep. Decides nothing about removals,
// and nothing about the other side.

import { UidSet } from "../protocol/mod.ts";
import type { Side, StateChange } from "../state/types.ts";
import { type BothSides, type Observation, otherSide, type Plan, SIDES } from "./model.ts";
import { formatRefusal } from "./refusal.ts";
import type { RefusedMessages } from "./refused_messages.ts";

const TEXT = "The mailbox may only be read";

/**
 * The flags that a mailbox keeps; null: any, or the server did not say. PERMANENTFLAGS of a mailbox that may only be read
 * is empty for us alone: others may give its messages any flag, and take it away.
 */
export function keptBy(
  { readOnly, permanentFlags }: Pick<Observation, "readOnly" | "permanentFlags">,
): readonly string[] | null {
  return readOnly ? null : permanentFlags;
}

/** What becomes of the messages of one side that are not copied. */
export interface Spared {
  /** The plan without them. */
  readonly plan: Plan;
  /** To be remembered. */
  readonly changes: readonly StateChange[];
  /** What is to be said in the log of each side; null: nothing that no earlier run has said. */
  readonly texts: BothSides<string | null>;
}

/** Takes the copies to read-only mailboxes out of a plan. Messages that earlier runs left for this are no news. */
export function spareReadOnly(
  plan: Plan,
  observed: BothSides<Observation>,
  refused: BothSides<RefusedMessages>,
  idx: number,
): Spared {
  const changes: StateChange[] = [];
  const texts: Record<Side, string | null> = { local: null, remote: null };
  for (const side of SIDES) {
    if (!observed[side].readOnly) continue;
    const source = otherSide(side);
    const uids = (side === "local" ? plan.pull : plan.push).subtract(refused[source].ofKind("read-only"));
    if (uids.isEmpty) continue;
    texts[side] = `${TEXT}: ${uids.size} message(s) of the other side are not copied to it (UID ${uids})`;
    const reason = formatRefusal({ kind: "read-only", octets: 0, limit: null, text: TEXT });
    changes.push({ kind: "unmapped", idx, side: source, uids, reason });
  }
  const pull = observed.local.readOnly ? UidSet.empty : plan.pull;
  const push = observed.remote.readOnly ? UidSet.empty : plan.push;
  return { plan: { ...plan, pull, push }, changes, texts };
}
