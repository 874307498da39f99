// The default command, and --repair: synchronizes the mailboxes once. Decides nothing about mail.

import { LockedError } from "../errors.ts";
import { Foresight, type FullCheckOptions, runOnce, type RunReport } from "../sync/mod.ts";
import { deleteBrake, leaveConsent } from "./delete_brake.ts";
import { type ServerOptions, withServers } from "./sessions.ts";

export interface SyncOptions extends ServerOptions {
  readonly mailboxes: readonly string[];
  /** Compare every message with its copy first. */
  readonly repair: boolean;
  /** See `RunInvocation`. */
  readonly confirmed: readonly string[] | null;
}

/** How often a mailbox is compared whole; null: never. */
export function fullCheckOf({ config, clock }: ServerOptions): FullCheckOptions | null {
  const { fullCheckDays: days } = config;
  return days === null ? null : { days, now: clock.now };
}

/** Synchronizes once. @throws InterimapError when the run could not be finished */
export async function synchronize(options: SyncOptions): Promise<RunReport> {
  const { mailboxes, log, repair, confirmed, clock } = options;
  const brake = deleteBrake(options, confirmed);
  const run = { names: mailboxes, log, clock, repair, brake, fullCheck: fullCheckOf(options) };
  try {
    // With names, or to repair, nothing is foreseen.
    const begins = mailboxes.length === 0 && !repair;
    let foresight: Foresight | null = null;
    return await withServers(
      options,
      (servers) => runOnce({ ...servers, ...run, foresight }),
      begins ? (beginning) => foresight = new Foresight({ ...beginning, log, clock }) : null,
    );
  } catch (error) {
    if (!(error instanceof LockedError) || confirmed === null || repair) throw error;
    leaveConsent(options, error, confirmed, mailboxes);
    return { problems: 0, held: 0 };
  }
}
