// Counts the octets that cross a stream, for the traffic line at the end of a run. It changes nothing else.

import type { ByteStream } from "./types.ts";

/** Octets that crossed a stream so far; shared by every layer that counts into it. */
export interface Counter {
  received: number;
  sent: number;
}

/** A counter at zero. */
export function newCounter(): Counter {
  return { received: 0, sent: 0 };
}

/** `stream`, with everything read and everything taken over by a write added to `counter`. */
export function metered(stream: ByteStream, counter: Counter): ByteStream {
  return {
    async read() {
      const bytes = await stream.read();
      if (bytes !== null) counter.received += bytes.length;
      return bytes;
    },
    async write(bytes) {
      const octets = bytes.length; // the caller may reuse (or detach) `bytes` once it is taken over
      await stream.write(bytes);
      counter.sent += octets;
    },
    close: () => stream.close(),
  };
}
