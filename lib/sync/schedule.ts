// When a mailbox is compared whole although nothing asks for it: every so many days, and not all of them in one run.
// Pure: knows no clock. Times are seconds since the epoch.

const SECONDS_PER_DAY = 86_400;
/** A clock that was wrong by more than this must not put a comparison off for years. */
const CLOCK_ERROR_SECONDS = SECONDS_PER_DAY;

/** The part of the period in which a mailbox is not compared again unless something asks for it. */
const REST = 29 / 30;

/** Whether a mailbox has to be compared. `days`: how often. */
export function isDue(comparedAt: number, now: number, days: number): boolean {
  return now - comparedAt >= days * SECONDS_PER_DAY || comparedAt - now > CLOCK_ERROR_SECONDS;
}

/**
 * Whether a mailbox may be compared already, in a run that waits for the servers anyway: with many mailboxes one is due
 * every hour, and an idle run must not have to wait for each of them.
 */
export function isNearlyDue(comparedAt: number, now: number, days: number): boolean {
  return isDue(comparedAt, now, days * REST);
}

/**
 * When a mailbox that was never compared counts as compared: at some moment of the `days` before now, another one for each
 * mailbox and the same in every run, so that the mailboxes of a new state file come due one after the other; none nearly
 * so at once.
 */
export function notedAs(idx: number, now: number, days: number): number {
  // The golden ratio spreads consecutive numbers evenly.
  const part = (idx * 0.618033988749895) % 1;
  return Math.ceil(now - part * days * REST * SECONDS_PER_DAY);
}
