// What is known of each server when it is connected to, and how an error that contradicts it is answered: by connecting
// again, wiser. Decides nothing about how a session makes use of it.

import { AuthenticationError, InterimapError, SilentLeaveError, StaleCapabilitiesError } from "../errors.ts";
import type { Logger } from "../log/mod.ts";
import {
  type Database,
  distrustLogin,
  expectedCapabilities,
  forgetLogin,
  peekCursors,
  rememberCapabilities,
  rememberSilentLeaver,
  type Side,
  silentLeavers,
} from "../state/mod.ts";

export interface Habits {
  /** What the server told with its answer to the last login; null: to be waited for, or presumed. */
  readonly expected: Readonly<Record<Side, readonly string[] | null>>;
  /** Nothing is known of its logins: it may be presumed to have what interimap needs. */
  readonly presumed: Readonly<Record<Side, boolean>>;
  /** What was sent behind a login was lost in this run: the answer is waited for from now on. */
  readonly distrusted: Readonly<Record<Side, boolean>>;
  /** Whether it selects another mailbox without [CLOSED]. */
  readonly silent: Readonly<Record<Side, boolean>>;
}

const NEITHER = { local: false, remote: false };
/** Every answer to a login is waited for. */
const PATIENT = { expected: { local: null, remote: null }, presumed: NEITHER };

/** Of servers that nothing is known, or presumed, of. */
export const NO_HABITS: Habits = { ...PATIENT, distrusted: NEITHER, silent: NEITHER };

/** What earlier runs have learned. @throws StateError */
export function rememberedHabits(database: Database): Habits {
  const told = expectedCapabilities(database);
  const expected = (side: Side) => told[side]?.length === 0 ? null : told[side];
  // What is presumed is enough for lists by which nothing can be deleted: those of a first run.
  const presumed = (side: Side) => told[side] === null && peekCursors(database).size === 0;
  return {
    expected: { local: expected("local"), remote: expected("remote") },
    presumed: { local: presumed("local"), remote: presumed("remote") },
    distrusted: NEITHER,
    silent: silentLeavers(database),
  };
}

/** The same for who lives long and can wait for the answer to a login. @throws StateError */
export function patientHabits(database: Database): Habits {
  return { ...rememberedHabits(database), ...PATIENT };
}

/** What each server told with its answer to the login; to be called when the store is prepared. @throws StateError */
export function rememberLogins(
  database: Database,
  { distrusted }: Habits,
  told: Readonly<Record<Side, Iterable<string>>>,
): void {
  for (const side of ["local", "remote"] as const) {
    if (distrusted[side]) distrustLogin(database, side);
    else rememberCapabilities(database, side, told[side]);
  }
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
  if (error instanceof StaleCapabilitiesError && (habits.expected[side] !== null || habits.presumed[side])) {
    to.debug(`${error.message}; connecting again`);
    return {
      ...habits,
      ...PATIENT,
      distrusted: { ...habits.distrusted, [side]: habits.distrusted[side] || !error.again },
    };
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
