// Octets of a server -> events: the whole contract between the transport and everything else. It puts splitter and
// grammar together and decides which literals are bodies (handed out as they come) and which are inlined.
// Synchronous; knows no command, no session state and no clock.

import { ProtocolError } from "../errors.ts";
import { Cursor } from "./cursor.ts";
import { FetchReader } from "./fetch.ts";
import { acceptFetchHead, parseResponse } from "./response.ts";
import { announcedLiteral, parenthesesAfterLine, Splitter } from "./splitter.ts";
import { isStatusLine } from "./status_response.ts";
import type { DecodeEvent, DecodeLimits } from "./types.ts";

const MiB = 1048576;

/** Far above what servers send: the longest lines are VANISHED and SEARCH of fragmented mailboxes. */
export const DEFAULT_LIMITS: DecodeLimits = { line: 8 * MiB, literal: 256 * 1024, response: 8 * MiB, nesting: 32 };

const BODY_END: DecodeEvent = Object.freeze({ kind: "body-end" });

/**
 * What comes next: a line, a literal that becomes part of the text, a body, a body that stood in the text of a FETCH as
 * a quoted string or NIL (`held`), or the rest of that text (`text`).
 */
type State = "line" | "literal" | "body" | "held" | "text";

/** Decodes one stream. */
export class Decoder {
  readonly #splitter: Splitter;
  readonly #cursor = new Cursor();
  readonly #reader: FetchReader;
  readonly #nesting: number;
  #state: State = "line";
  /** The response that has begun and is not complete. */
  #response: "none" | "fetch" | "other" = "none";
  /** The literal that the line announces at its end, or -1. */
  #announced = -1;
  /** In a FETCH: where the reader goes on, and the parentheses that are open, in the text so far. */
  #resumeAt = 0;
  #open = 0;
  #bodyLeft = 0;
  #held: Uint8Array | null = null;
  #failure: ProtocolError | null = null;

  /** @param limits bounds that end the session when they are passed, enforced before memory is taken */
  constructor(limits: DecodeLimits = DEFAULT_LIMITS) {
    this.#splitter = new Splitter(limits);
    this.#reader = new FetchReader(limits.nesting);
    this.#nesting = limits.nesting;
  }

  /** The chunk is only borrowed until `next()` returned null, or `takeRest()` was called. */
  feed(chunk: Uint8Array): void {
    this.#splitter.feed(chunk);
  }

  /**
   * The next event, null when it takes more octets.
   * @throws ProtocolError when the server broke the grammar or a bound; every later call throws the same error
   */
  next(): DecodeEvent | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      if (error instanceof ProtocolError) this.#failure = error;
      throw error;
    }
  }

  /**
   * A copy of the octets that were fed and are not part of an event yet; the decoder forgets them. To be called after
   * the tagged OK of STARTTLS or COMPRESS and before `next()` looks at them as a response.
   */
  takeRest(): Uint8Array {
    this.#state = "line";
    this.#response = "none";
    return this.#splitter.takeRest();
  }

  /** At the boundary of two responses, with nothing buffered. */
  get idle(): boolean {
    return this.#state === "line" && this.#response === "none" && this.#splitter.idle;
  }

  #next(): DecodeEvent | null {
    for (;;) {
      if (this.#state === "line") {
        if (!this.#splitter.line(this.#cursor)) return null;
        const event = this.#line();
        if (event !== null) return event;
      } else if (this.#state === "literal") {
        if (!this.#splitter.literal()) return null;
        this.#state = "line";
      } else if (this.#state === "text") {
        this.#state = "line";
        const event = this.#advanceFetch();
        if (event !== null) return event;
      } else {
        return this.#state === "body" ? this.#body() : this.#heldBody();
      }
    }
  }

  /** A line is complete. Null when a literal has to be put behind it. */
  #line(): DecodeEvent | null {
    const c = this.#cursor;
    if (this.#response === "none") {
      c.excerpts = "plain";
      const seq = acceptFetchHead(c);
      if (seq > 0) this.#beginFetch(seq);
    }
    this.#announced = announcedLiteral(c);
    if (this.#response === "fetch") return this.#fetchLine();
    if (this.#announced >= 0 && (this.#response === "other" || !isStatusLine(c))) {
      this.#response = "other";
      return this.#inline();
    }
    const response = parseResponse(c, this.#nesting);
    this.#endResponse();
    return { kind: "response", response };
  }

  #beginFetch(seq: number): void {
    const c = this.#cursor;
    this.#response = "fetch";
    this.#reader.begin(seq);
    this.#resumeAt = c.at - c.start;
    this.#open = 0;
    c.excerpts = "masked";
  }

  /** A literal deeper than the items themselves is part of a value, and its item is read when it is complete. */
  #fetchLine(): DecodeEvent | null {
    const c = this.#cursor;
    if (this.#announced >= 0) {
      this.#open = parenthesesAfterLine(c, this.#open);
      if (this.#open > 1) return this.#inline();
    }
    c.at = c.start + this.#resumeAt;
    return this.#advanceFetch();
  }

  #advanceFetch(): DecodeEvent | null {
    const c = this.#cursor;
    const reader = this.#reader;
    const step = reader.advance(c);
    if (step === "body") return this.#beginBody();
    if (step === "literal") {
      this.#resumeAt = c.at - c.start;
      return this.#inline();
    }
    const event: DecodeEvent = {
      kind: "response",
      response: { kind: "fetch", seq: reader.seq, items: reader.items() },
    };
    this.#endResponse();
    return event;
  }

  #beginBody(): DecodeEvent {
    const { seq, section, octets, held } = this.#reader;
    if (held !== null || octets === null) {
      this.#state = "held";
      this.#held = held;
    } else {
      this.#state = "body";
      this.#bodyLeft = octets;
      this.#resumeAt = 0;
      this.#splitter.discardText();
      // A server that counts wrongly lets the message run on where the grammar does.
      this.#cursor.excerpts = "none";
    }
    return { kind: "body-begin", seq, known: this.#reader.items(), section, octets };
  }

  #body(): DecodeEvent | null {
    if (this.#bodyLeft === 0) {
      this.#state = "line";
      return BODY_END;
    }
    const bytes = this.#splitter.body(this.#bodyLeft);
    if (bytes === null) return null;
    this.#bodyLeft -= bytes.length;
    return { kind: "body-data", bytes };
  }

  #heldBody(): DecodeEvent | null {
    const bytes = this.#held;
    this.#held = null;
    if (bytes !== null && bytes.length > 0) return { kind: "body-data", bytes };
    this.#state = "text";
    return BODY_END;
  }

  #inline(): null {
    this.#splitter.inlineLiteral(this.#cursor, this.#announced);
    this.#state = "literal";
    return null;
  }

  #endResponse(): void {
    this.#response = "none";
    this.#splitter.endResponse();
  }
}
