// SIGINT and SIGTERM as an AbortSignal, SIGHUP as a call. What an interrupted run leaves, and its exit status, others
// decide.

import { Interrupted } from "../errors.ts";

export interface SignalWatch {
  /** Aborts with an Interrupted. */
  readonly signal: AbortSignal;
  /** Gives the signals back to the system's default. */
  dispose(): void;
}

export function watchSignals(): SignalWatch {
  const controller = new AbortController();
  const names = ["SIGINT", "SIGTERM"] as const;
  const handlers = names.map((name) => ({ name, handle: () => controller.abort(new Interrupted(name)) }));
  for (const { name, handle } of handlers) Deno.addSignalListener(name, handle);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const { name, handle } of handlers) Deno.removeSignalListener(name, handle);
    },
  };
}

/** Calls back at each SIGHUP, which ends the program no more, until the function that it returns is called. */
export function onHangup(callback: () => void): () => void {
  Deno.addSignalListener("SIGHUP", callback);
  return () => Deno.removeSignalListener("SIGHUP", callback);
}
