// A command on its way: what its connection keeps of it from the queue to the answer.

import type { StatusResponse } from "../protocol/mod.ts";
import type { Request } from "./request.ts";

export interface Entry {
  readonly tag: string;
  readonly request: Request;
  readonly written: PromiseWithResolvers<void>;
  readonly done: PromiseWithResolvers<StatusResponse>;
  /** All of it is sent. */
  complete: boolean;
  /** When that was: milliseconds since the epoch. */
  sentAt: number;
  /** The server waits with us: no answer is due. */
  idle: boolean;
  /** Its promises were rejected: what still comes for it is dropped. */
  abandoned: boolean;
  /** A refusal that came before the command was completely written. */
  refusal: StatusResponse | null;
}

/** What ends IDLE (RFC 2177 3). */
export const DONE = Uint8Array.from("DONE\r\n", (character) => character.charCodeAt(0));

export function newEntry(tag: string, request: Request): Entry {
  const [written, done] = [Promise.withResolvers<void>(), Promise.withResolvers<StatusResponse>()];
  // Who does not care about a promise must not bring the program down when the connection is lost.
  written.promise.catch(() => {});
  done.promise.catch(() => {});
  return { tag, request, written, done, complete: false, sentAt: 0, idle: false, abandoned: false, refusal: null };
}

/** The connection is lost, or the command is given up. */
export function rejectEntry({ written, done }: Entry, reason: Error): void {
  written.reject(reason);
  done.reject(reason);
}

/** An APPEND of which only the answer is missing: whether the message has arrived, the server knows by now. */
export function isSentAppend({ request, complete }: Entry): boolean {
  return complete && request.command.name === "APPEND";
}
