// Finds out whether a server that has been silent for long is still there.

import type { Clock } from "../base/clock.ts";
import { TransportError } from "../errors.ts";
import { noop } from "../protocol/mod.ts";
import type { Session } from "./session.ts";

/** How long the answer to something that takes no time may take. */
export const PROBE_TIMEOUT_MS = 30_000;

/** Sends NOOP, and ends the session when there is no answer. What is sent behind it need not wait. */
export async function probe(session: Session, clock: Clock): Promise<void> {
  const cancel = expectSoon(session, clock);
  try {
    await session.run(noop());
  } finally {
    cancel();
  }
}

/** Ends the session after PROBE_TIMEOUT_MS, unless it is cancelled. */
export function expectSoon(session: Session, clock: Clock): () => void {
  return clock.after(PROBE_TIMEOUT_MS, () => {
    const text = `The server did not answer within ${PROBE_TIMEOUT_MS / 1000} s`;
    session.abort(new TransportError("timeout", text, { component: session.component }));
  });
}
