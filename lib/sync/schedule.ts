// When a mailbox is compared whole although nothing asks for it: every so many days, and not all of them in one run.
// Pure: knows no clock. Times are seconds since the epoch.

const SECONDS_PER_DAY = 86_400;
/** A clock that was wrong by more than this must not put a comparison off for years. */
const CLOCK_ERROR_SECONDS = SECONDS_PER_DAY;

/** Whether a mailbox has to be compared. `days`: how often. */
export function isDue(comparedAt: number, now: number, days: number): boolean {
  return now - comparedAt >= days * SECONDS_PER_DAY || comparedAt - now > CLOCK_ERROR_SECONDS;
}

/**
 * When a mailbox that was never compared counts as compared: at some moment of the `days` before now, another one for each
 * mailbox and the same in every run, so that the mailboxes of a new state file come due one after the other.
 */
export function notedAs(idx: number, now: number, days: number): number {
  // The golden ratio spreads consecutive numbers evenly.
  const part = (idx * 0.618033988749895) % 1;
  return Math.floor(now - part * days * SECONDS_PER_DAY);
}
