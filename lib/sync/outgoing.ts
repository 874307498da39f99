// A message on its way to the other side, and how the state file remembers it until the server has confirmed it. Neither
// reads nor sends.

import type { FlagSet, InternalDate } from "../protocol/mod.ts";
import type { IntendedMessage } from "../state/types.ts";
import { EARLIEST_S } from "./recover.ts";

/**
 * A message to append. `body`: the octets, or their number when they are streamed. They may be gone once they are
 * written: `octets` tells how many there were.
 */
export interface OutgoingMessage {
  readonly uid: number;
  readonly octets: number;
  readonly flags: FlagSet;
  readonly internalDate: InternalDate;
  readonly headerDigest: string;
  readonly body: Uint8Array | number;
}

/** Writes the octets of one streamed message, then `end`; exactly as many as were announced. */
export interface StreamWriter {
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
  /** The source failed: the target connection is closed, a message is never padded. */
  fail(error: Error): void;
}

/** `now`: seconds since the epoch. */
export function intendedMessage(message: OutgoingMessage, now: number): IntendedMessage {
  const { seconds } = message.internalDate;
  return {
    ...(seconds > now || seconds < EARLIEST_S ? { sentAt: now } : {}),
    sourceUid: message.uid,
    octets: message.octets,
    internalDate: seconds,
    headerDigest: message.headerDigest,
  };
}
