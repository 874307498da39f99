// A login whose answer is not waited for: what is sent behind it assumes that it succeeds and that the server has some
// capabilities. Decides, from the answers, whether the assumption holds, and how the session ends when it does not. Knows
// no socket; what the assumption is used for is others' business.

import type { Clock } from "../base/clock.ts";
import { ByeError, StaleCapabilitiesError } from "../errors.ts";
import type { Capabilities, StatusResponse } from "../protocol/mod.ts";

/** Some proxies take the login and lose what was sent behind it. */
export const SILENCE_MS = 10_000;
/** Cyrus 3.6 shows that it was confused when more comes, and not before. */
export const NUDGE_MS = 1000;

/** What a server is expected to tell with its answer to the login. */
export interface Expectation {
  readonly capabilities: Capabilities;
  /** The error for one that it does not have. */
  readonly missing: (name: string) => Error;
}

export interface AssumptionOptions {
  readonly component: string;
  readonly expected: Expectation;
  readonly clock: Clock;
  /** Whether this is the login's tag. To be asked when its command is being answered. */
  readonly isLogin: (tag: string | null) => boolean;
  /** The error for a login that was refused. */
  readonly refusal: (status: StatusResponse) => Error;
  /** Whether something was sent behind the login. To be asked when that is being answered. */
  readonly isFollowed: () => boolean;
  /** Sends something that changes nothing; settled when that is answered. */
  readonly nudge: () => Promise<unknown>;
  /** Ends the session. */
  readonly end: (reason: Error) => void;
}

/** Is told every tagged answer before the commands are. */
export class Assumption {
  /** Fulfilled when the login has succeeded, and the server has what was expected. */
  readonly holds: Promise<void>;
  readonly #holds = Promise.withResolvers<void>();
  readonly #options: AssumptionOptions;
  /** Of the login. */
  #tag: string | null = null;
  #phase: "login" | "next" | "nudged" | "over" = "login";
  /** Since it was nudged. */
  #answers = 0;
  #cancel: () => void = () => {};

  constructor(options: AssumptionOptions) {
    this.#options = options;
    this.holds = this.#holds.promise;
    this.holds.catch(() => {});
  }

  answer(status: StatusResponse): void {
    if (this.#phase === "login") return this.#login(status);
    // Cyrus 3.6 now and then answers the login a second time: "BAD Already authenticated".
    const isConfused = status.tag === this.#tag || (this.#phase !== "over" && status.status === "BAD");
    if (isConfused || this.#phase !== "nudged") this.stop();
    if (isConfused) return this.#distrust("The server was confused by what was sent behind the login");
    this.#answers++;
    this.#cancel();
  }

  /** The session is over, or everything was answered. */
  stop(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#cancel();
    this.#holds.reject(new ByeError("Logged out", { component: this.#options.component }));
  }

  #login(status: StatusResponse): void {
    const { component, expected, clock, isLogin, refusal, isFollowed } = this.#options;
    this.#phase = "next";
    this.#tag = status.tag;
    // Some proxy in between: it says nothing about the password.
    if (!isLogin(status.tag)) return this.#distrust("The server answered what was sent behind the login before it");
    if (status.status !== "OK") return this.#end(refusal(status));
    const told = status.code?.code === "CAPABILITY" ? status.code.capabilities : null;
    if (told === null) {
      const text = "The server told no capabilities with its answer to the login";
      return this.#end(new StaleCapabilitiesError(text, false, { component }));
    }
    const missing = [...expected.capabilities.names].find((name) => !told.has(name));
    if (missing !== undefined) return this.#end(expected.missing(missing));
    this.#holds.resolve();
    if (!isFollowed()) return this.stop();
    this.#cancel = clock.after(NUDGE_MS, () => this.#nudge());
  }

  #nudge(): void {
    const { clock, nudge } = this.#options;
    this.#phase = "nudged";
    const lost = () => this.#distrust("The server did not answer what was sent behind the login");
    this.#cancel = clock.after(SILENCE_MS - NUDGE_MS, lost);
    const over = () => {
      if (this.#phase !== "nudged") return;
      this.stop();
      // Answers come in the order of the commands: this one is not the first, or those before it were lost.
      if (this.#answers === 1) lost();
    };
    nudge().then(over, over);
  }

  #distrust(text: string): void {
    this.#end(new StaleCapabilitiesError(text, false, { component: this.#options.component }));
  }

  #end(reason: Error): void {
    this.#holds.reject(reason);
    this.#options.end(reason);
  }
}
