// What is known of one mailbox only while a run works on it, from pass to pass: shared by those who look at it, plan and
// carry out. Decides nothing; what has to outlive the run is in the store.

import { type FingerprintKey, randomKey } from "../base/fingerprint.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, UidSet } from "../protocol/mod.ts";
import { AgreementLog } from "./agreements.ts";
import type { BothSides } from "./both_sides.ts";
import { type MailboxContext, sideLogs } from "./mailbox_context.ts";
import type { Side } from "./model.ts";
import type { LookBefore } from "./sight.ts";

export class MailboxRun {
  readonly context: MailboxContext;
  readonly logs: BothSides<Logger>;
  /** With which messages are distinguished. */
  readonly key: FingerprintKey = randomKey();
  /** The same agreements by local and by remote UID. */
  readonly agreed: BothSides<AgreementLog> = { local: new AgreementLog(), remote: new AgreementLog() };
  /** Messages of each side that could not be copied in this run. */
  readonly uncopied: Record<Side, UidSet> = { local: UidSet.empty, remote: UidSet.empty };
  /** Looks that were sent before the run, or behind the changes of the last pass. */
  readonly early: Partial<Record<Side, LookBefore>>;

  constructor(context: MailboxContext) {
    this.context = context;
    this.logs = sideLogs(context);
    this.early = { ...context.foreseen };
  }

  /** False for flags that both copies are known to agree on: our own echoes. */
  isNews(side: Side, uid: number, flags: FlagSet): boolean {
    return this.agreed[side].get(uid)?.key !== flags.key;
  }
}
