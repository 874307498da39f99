// The set-up of a copy from one side of a mailbox to the other: the same for an ordinary pass and for --repair. How the
// messages get there is copy.ts's.

import type { Digest } from "../base/digest.ts";
import type { Logger } from "../log/types.ts";
import type { UidSet } from "../protocol/mod.ts";
import type { BothSides } from "./both_sides.ts";
import { type Copied, type CopyContext, copyMessages } from "./copy.ts";
import type { MailboxContext } from "./mailbox_context.ts";
import { type Observation, otherSide, type Side } from "./model.ts";

export interface CrossingContext extends Pick<CopyContext, "refused" | "tryAgain" | "agree" | "fate" | "sent"> {
  readonly mailbox: MailboxContext;
  readonly logs: BothSides<Logger>;
  /** Both sides as they are selected. */
  readonly selected: BothSides<Pick<Observation, "uidValidity" | "uidNext" | "permanentFlags">>;
  readonly digest: Digest;
}

/** Copies messages of `source` to the other side. @throws MailboxError when the rest has to wait for the next run */
export function copyAcross(uids: UidSet, source: Side, context: CrossingContext): Promise<Copied> {
  const { mailbox, logs, selected, digest, refused, tryAgain, agree, fate, sent } = context;
  const { sessions, store, idx, names, clock, bodies: { oneWay, slabs } } = mailbox;
  const target = otherSide(source);
  return copyMessages(uids, {
    from: sessions[source],
    to: sessions[target],
    source,
    target,
    idx,
    mailbox: names[target],
    sourceUidValidity: selected[source].uidValidity,
    targetUidValidity: selected[target].uidValidity,
    targetUidNext: selected[target].uidNext,
    store,
    log: logs[target],
    sourceLog: logs[source],
    digest,
    oneWay,
    slabs,
    permanentFlags: selected[target].permanentFlags,
    refused,
    tryAgain,
    clock,
    agree,
    fate,
    sent,
  });
}
