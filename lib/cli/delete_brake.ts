// The delete brake as the command line and the configuration set it: where confirmations come from, and what becomes of
// one when another process holds the state file. A watcher makes its brake here, once, for all of its runs.

import type { Clock } from "../base/clock.ts";
import type { Config } from "../config/mod.ts";
import { LockedError } from "../errors.ts";
import type { Logger } from "../log/mod.ts";
import { type Consent, ConsentFile } from "../state/mod.ts";
import { type BrakeOptions, DEFAULT_LIMIT } from "../sync/mod.ts";

export interface BrakeContext {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
}

/** `confirmed`: by the command line, as `RunInvocation.confirmed`; what the file beside the state file says is added. */
export function deleteBrake(context: BrakeContext, confirmed: readonly string[] | null): BrakeOptions {
  const file = consentFile(context);
  const here = consentTo(confirmed);
  const consents = {
    read: () => {
      const there = file.read();
      return { all: here.all || there.all, names: here.names.union(there.names) };
    },
    used: (names: readonly string[] | null) => file.used(names),
  };
  return { limit: context.config.maxDeletes ?? DEFAULT_LIMIT, consents, told: new Map() };
}

/**
 * Leaves a confirmation for the process that holds the state file. `mailboxes`: those that the run was restricted to.
 * @throws StateError, or `locked` when it cannot be said by names
 */
export function leaveConsent(
  context: BrakeContext,
  locked: LockedError,
  confirmed: readonly string[],
  mailboxes: readonly string[],
): void {
  const names = confirmed.length > 0 ? confirmed : mailboxes;
  // What was confirmed has no pattern in it; what is synchronized may.
  if (confirmed.length === 0 && mailboxes.some((name) => /[*%]/.test(name))) {
    const hints = ["nothing was confirmed: name the mailboxes, by --confirm-deletes=MAILBOX"];
    throw new LockedError(locked.message, { component: "database", hints, cause: locked });
  }
  const file = consentFile(context);
  file.add(consentTo(names));
  const where = names.length === 0 ? "all mailboxes" : names.join(", ");
  context.log.with({ component: "database" }).notice(
    `Deletions in ${where} are confirmed by ${file.path}, for the next look of the interimap that watches (SIGHUP makes ` +
      `it look now) or for the next run`,
  );
}

function consentFile({ config, log, clock }: BrakeContext): ConsentFile {
  return new ConsentFile(config.database, { log, now: clock.now });
}

/** No names: all; null: none. */
function consentTo(names: readonly string[] | null): Consent {
  return { all: names?.length === 0, names: new Set(names ?? []) };
}
