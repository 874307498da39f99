// A login whose answer is not waited for: what is sent behind it assumes that it succeeds and that the server has the
// capabilities of the last run. Decides, from the answers, whether the assumption holds, and how the session ends when
// it does not. Knows no socket; what the assumption is used for is others' business.

import type { Clock } from "../base/clock.ts";
import { StaleCapabilitiesError } from "../errors.ts";
import type { Capabilities, StatusResponse } from "../protocol/mod.ts";

/** Some proxies take the login and lose what was sent behind it. */
export const SILENCE_MS = 20_000;

export interface AssumptionOptions {
  readonly component: string;
  /** What the server told with its answer to the last run's login. */
  readonly expected: Capabilities;
  readonly clock: Clock;
  /** The error for a login that was refused. */
  readonly refusal: (status: StatusResponse) => Error;
  /** Ends the session. */
  readonly end: (reason: Error) => void;
}

/** Is told every tagged answer, the login's first, before the commands are. */
export class Assumption {
  readonly #options: AssumptionOptions;
  /** Of the login. */
  #tag: string | null = null;
  #phase: "login" | "next" | "over" = "login";
  #cancel: () => void = () => {};

  constructor(options: AssumptionOptions) {
    this.#options = options;
  }

  answer(status: StatusResponse): void {
    if (this.#phase === "login") return this.#login(status);
    // Cyrus 3.6 now and then answers the login a second time: "BAD Already authenticated".
    const isConfused = status.tag === this.#tag || (this.#phase === "next" && status.status === "BAD");
    this.stop();
    if (isConfused) this.#distrust("The server was confused by what was sent behind the login");
  }

  /** The session is over, or everything was answered. */
  stop(): void {
    this.#phase = "over";
    this.#cancel();
  }

  #login(status: StatusResponse): void {
    const { component, expected, clock, end, refusal } = this.#options;
    this.#phase = "next";
    this.#tag = status.tag;
    if (status.status !== "OK") return end(refusal(status));
    const told = status.code?.code === "CAPABILITY" ? status.code.capabilities : null;
    const missing = told === null ? null : [...expected.names].find((name) => !told.has(name));
    if (missing !== undefined) {
      const what = missing === null ? "no capabilities with its answer to the login" : `no ${missing} any more`;
      return end(new StaleCapabilitiesError(`The server has ${what}`, true, { component }));
    }
    this.#cancel = clock.after(SILENCE_MS, () => {
      this.#distrust("The server did not answer what was sent behind the login");
    });
  }

  #distrust(text: string): void {
    const { component, end } = this.#options;
    end(new StaleCapabilitiesError(text, false, { component }));
  }
}
