// What is known of each server when it is connected to, and how an error that contradicts it is answered: by connecting
// again, wiser. Decides nothing about how a session makes use of it.

import { AuthenticationError, InterimapError, SilentLeaveError, StaleCapabilitiesError } from "../errors.ts";
import type { Logger } from "../log/mod.ts";
import {
  type Database,
  distrustLogin,
  expectedCapabilities,
  forgetLogin,
  rememberSilentLeaver,
  type Side,
  silentLeavers,
} from "../state/mod.ts";

export interface Habits {
  /** What the server told with its answer to the last login; null: to be waited for. */
  readonly expected: Readonly<Record<Side, readonly string[] | null>>;
  /** Whether it selects another mailbox without [CLOSED]. */
  readonly silent: Readonly<Record<Side, boolean>>;
}

const NOTHING_EXPECTED: Habits["expected"] = { local: null, remote: null };

/** Of servers that nothing is known of. */
export const NO_HABITS: Habits = { expected: NOTHING_EXPECTED, silent: { local: false, remote: false } };

/** What earlier runs have learned. @throws StateError */
export function rememberedHabits(database: Database): Habits {
  return { expected: expectedCapabilities(database), silent: silentLeavers(database) };
}

/** The same for who lives long and can wait for the answer to a login. @throws StateError */
export function patientHabits(database: Database): Habits {
  return { ...rememberedHabits(database), expected: NOTHING_EXPECTED };
}

/**
 * How to connect again after an error that ended a session; null: that would not help. What holds for later runs is
 * remembered; to be called when the store is prepared.
 * @throws StateError
 */
export function learnFrom(error: unknown, habits: Habits, database: Database, log: Logger): Habits | null {
  if (!(error instanceof InterimapError)) return null;
  const side = error.component === "local" ? "local" : "remote";
  const to = log.with({ component: side });
  if (error instanceof StaleCapabilitiesError && habits.expected[side] !== null) {
    to.debug(`${error.message}; connecting again`);
    if (!error.again) distrustLogin(database, side);
    return { ...habits, expected: NOTHING_EXPECTED };
  }
  // A password that does not hold any more is tried over one connection only from now on.
  if (error instanceof AuthenticationError && habits.expected[side] !== null) forgetLogin(database, side);
  if (error instanceof SilentLeaveError && !habits.silent[side]) {
    to.info(`${error.message}; connecting again, to leave every mailbox by UNSELECT from now on`);
    rememberSilentLeaver(database, side);
    return { ...habits, silent: { ...habits.silent, [side]: true } };
  }
  return null;
}
