// The sessions that a command has with a server beside the first: opened when somebody asks for one, ended with the command
// at the latest. Who asks, what for, and how many there may be is not known here.

import type { Opened, Session } from "../client/mod.ts";
import { ByeError, CapabilityError } from "../errors.ts";
import { totalTraffic } from "../log/mod.ts";
import type { Traffic } from "../transport/types.ts";

export interface MoreSessionsOptions {
  /** The one that everybody has. */
  readonly first: Promise<Session>;
  readonly component: string;
  /** Aborted: every session ends with the signal's reason. */
  readonly signal: AbortSignal;
  /**
   * Opens one that may be used for SELECT, and ends it when the signal is aborted, with its reason. `usable` is told of it
   * when commands may be sent.
   */
  readonly open: (signal: AbortSignal, usable: (session: Session) => void) => Promise<Opened>;
}

export class MoreSessions {
  readonly #options: MoreSessionsOptions;
  readonly #opening = new Map<AbortController, Promise<Session>>();
  readonly #open = new Map<AbortController, Opened>();
  /** Of those that are gone: a watch has many in its life. */
  #past: Traffic = totalTraffic([]);
  /** Why none is opened any more. */
  #over: unknown = null;
  // One listener for all: on the signal of a watch, those of sessions that are gone would add up.
  readonly #interrupt = () => this.#abort(this.#options.signal.reason);

  constructor(options: MoreSessionsOptions) {
    this.#options = options;
    const { signal } = options;
    if (signal.aborted) this.#over = signal.reason;
    signal.addEventListener("abort", this.#interrupt, { once: true });
  }

  /**
   * Opens one more. Who has done with it may log it out. `usable` is told of it when commands may be sent, and it may still
   * be refused.
   * @throws InterimapError when the server refuses, or is not the same as before; the signal's reason
   */
  more(usable: (session: Session) => void = () => {}): Promise<Session> {
    const end = new AbortController();
    if (this.#over !== null) end.abort(this.#over);
    const opening = this.#openOne(end, usable).finally(() => this.#opening.delete(end));
    // Who asked need not be there any more when the command is over.
    opening.catch(() => {});
    this.#opening.set(end, opening);
    return opening;
  }

  /** What crossed all of them. */
  traffic(): Traffic {
    return totalTraffic([this.#past, ...[...this.#open.values()].map(({ connected }) => connected.traffic())]);
  }

  /** Says good-bye in all of them. Never throws. */
  async close(): Promise<void> {
    const { component, signal } = this.#options;
    signal.removeEventListener("abort", this.#interrupt);
    this.#over ??= new ByeError("Logged out", { component });
    for (const end of this.#opening.keys()) end.abort(this.#over);
    await Promise.allSettled(this.#opening.values());
    await Promise.all([...this.#open.values()].map(({ session }) => session.logout()));
  }

  async #openOne(end: AbortController, usable: (session: Session) => void): Promise<Session> {
    this.#forgetEnded();
    const opened = await this.#options.open(end.signal, usable);
    this.#open.set(end, opened);
    const { session } = opened;
    if (!isSame(await this.#options.first, session)) {
      await session.logout();
      const text = "The server offers other capabilities on another connection";
      throw new CapabilityError(text, { component: session.component });
    }
    return session;
  }

  #forgetEnded(): void {
    for (const [end, { session, connected }] of this.#open) {
      if (session.closed === null) continue;
      this.#past = totalTraffic([this.#past, connected.traffic()]);
      this.#open.delete(end);
    }
  }

  #abort(reason: unknown): void {
    this.#over = reason;
    for (const end of [...this.#opening.keys(), ...this.#open.keys()]) end.abort(reason);
  }
}

/** What was decided by what one session offers must hold in the other. */
function isSame({ capabilities: { names: one } }: Session, { capabilities: { names: other } }: Session): boolean {
  return one.size === other.size && [...one].every((name) => other.has(name));
}
