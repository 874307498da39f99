// What a relay writes to one receiver: as slowly and in as small pieces as asked for, and in an order in which nothing
// is put into the middle of something else.

/** Ahead of the rate by less than this, nothing waits: a timer for every octet would be slower than any rate. */
const SLACK_MS = 4;
/** Without a size of pieces, a rate needs one: what may go in this time. */
const SLICE_MS = 20;

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export interface Pace {
  /** Octets that are written at once. */
  readonly chunk: number;
  /** Octets per second. */
  readonly rate: number;
}

export class Outlet {
  readonly #connection: Pick<Deno.Conn, "write">;
  readonly #pace: Pace;
  readonly #signal: AbortSignal;
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = false;
  readonly #waiting: Uint8Array[] = [];
  /** When the next octet may go. */
  #free = 0;

  /** After `signal` nothing is written any more. */
  constructor(connection: Pick<Deno.Conn, "write">, pace: Pace, signal: AbortSignal) {
    this.#connection = connection;
    this.#pace = pace;
    this.#signal = signal;
  }

  /** `isEnd`: the response or command is complete. Returns false when the receiver is gone. */
  write(octets: Uint8Array, isEnd: boolean): Promise<boolean> {
    return this.#inTurn(async () => {
      const isPassed = await this.#writeAll(octets);
      this.#isOpen = !isEnd;
      for (const waiting of isEnd ? this.#waiting.splice(0) : []) await this.#writeAll(waiting);
      return isPassed;
    });
  }

  /** Writes a line of the relay's own as soon as nothing is incomplete. */
  insert(octets: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isOpen) this.#waiting.push(octets);
      else await this.#writeAll(octets);
    });
  }

  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(action);
    this.#last = done;
    return done;
  }

  /** Never throws: a receiver that is gone is nothing unusual. */
  async #writeAll(octets: Uint8Array): Promise<boolean> {
    const { rate } = this.#pace;
    const size = Math.min(this.#pace.chunk, rate === Infinity ? Infinity : Math.max(1, rate * SLICE_MS / 1000));
    try {
      for (let start = 0; start < octets.length;) {
        const end = Math.min(octets.length, start + Math.floor(size));
        await this.#waitFor(end - start);
        if (this.#signal.aborted) return false;
        while (start < end) start += await this.#connection.write(octets.subarray(start, end));
      }
      return true;
    } catch {
      return false;
    }
  }

  async #waitFor(octets: number): Promise<void> {
    if (this.#pace.rate === Infinity) return;
    const now = performance.now();
    this.#free = Math.max(now, this.#free) + octets * 1000 / this.#pace.rate;
    if (this.#free - now > SLACK_MS) await sleep(this.#free - now);
  }
}
