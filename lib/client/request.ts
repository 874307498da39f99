// What a command asks of its connection besides being sent: who takes its answers, and how its octets are made. Types only.

import type { Command, Data, FetchItems, StatusResponse } from "../protocol/mod.ts";
import type { ByteStream } from "../transport/types.ts";

/** Takes the bodies of one FETCH, in wire order. The reader waits for what these return: that is the back-pressure. */
export interface BodyReceiver {
  /** Whether this body belongs to the command, by what stood before it. */
  accepts(known: FetchItems): boolean;
  begin(known: FetchItems, section: string, octets: number | null): void | Promise<void>;
  /** `bytes` are borrowed until the returned promise is fulfilled. */
  data(bytes: Uint8Array): void | Promise<void>;
  end(): void | Promise<void>;
}

export interface Request {
  readonly command: Command;
  /**
   * Nothing is sent until it is answered. "alone": and it is sent only when nothing is in flight.
   * @see RFC 4978 3 for "last"
   */
  readonly barrier?: "alone" | "last";
  /** Of a command with a password: whether a text of the server repeats it, and is not shown therefore. */
  readonly hides?: (text: string) => boolean;
  /** Offered every untagged response while the command is in flight, with its tag; true: it was for this command. */
  readonly claim?: (data: Data, tag: string) => boolean;
  readonly bodies?: BodyReceiver;
  /** Writes the octets of the command's `stream` part. */
  readonly pump?: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;
  /** The line that answers a continuation request (AUTHENTICATE). */
  readonly respond?: (challenge: string) => string;
  /**
   * For IDLE: when the server has agreed to wait (continuation request), its answer is not due until this is fulfilled;
   * then DONE is sent.
   */
  readonly until?: Promise<void>;
  /** Called with the tagged answer, before anything that follows it is looked at. */
  readonly answered?: (status: StatusResponse) => void;
  /** Run on OK, before another octet is read: gives the stream to go on with. `rest`: octets already received. */
  readonly upgrade?: (rest: Uint8Array) => Promise<ByteStream>;
}

export interface Submitted {
  /** All octets were taken over by the stream. */
  readonly written: Promise<void>;
  /** The tagged answer, whatever it says. Rejects only when the connection is lost. */
  readonly done: Promise<StatusResponse>;
}
