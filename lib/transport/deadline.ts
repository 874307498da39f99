// The one deadline over resolving, connecting, TLS and the greeting, as an AbortSignal.
// It does not know what is being waited for; the caller words the error.

import { TransportError } from "../errors.ts";
import type { Clock } from "../base/clock.ts";

/** From the first look-up to the greeting. */
export const CONNECT_TIMEOUT_MS = 30_000;

/** An AbortSignal that aborts once time is up, until it is cleared. */
export interface Deadline {
  /** Aborts with a TransportError of phase "timeout", or with the parent's reason. */
  readonly signal: AbortSignal;
  /** What was waited for has come: the signal will not abort any more, by time or by its parent. Idempotent. */
  clear(): void;
}

/** What the deadline belongs to. */
export interface DeadlineOptions {
  readonly clock: Clock;
  /** Aborts this deadline as well, with its own reason. */
  readonly parent: AbortSignal;
  readonly component: string;
  /** The other end as `peerName()` gives it, for the message. */
  readonly peer: string;
  readonly timeoutMs?: number;
}

/** Starts the deadline for one connection: CONNECT_TIMEOUT_MS unless told otherwise. */
export function connectDeadline(options: DeadlineOptions): Deadline {
  const { clock, parent, component, peer, timeoutMs = CONNECT_TIMEOUT_MS } = options;
  const controller = new AbortController();
  const cancelTimer = clock.after(timeoutMs, () => {
    controller.abort(
      new TransportError("timeout", `No answer from ${peer} within ${timeoutMs / 1000} s`, { component }),
    );
  });
  const follow = () => controller.abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow, { once: true });
  const clear = () => {
    cancelTimer();
    parent.removeEventListener("abort", follow);
  };
  controller.signal.addEventListener("abort", clear, { once: true });
  if (controller.signal.aborted) clear();
  return { signal: controller.signal, clear };
}
