// An IMAP server in memory, over any ByteStream: the witness that the synchronizer is tested against. Several sessions
// may use one mail store. Deliberate lies, missing capabilities and a gate around every command are model_options.ts's;
// what commands mean is model_session.ts's. It is held against real Dovecot by tests/model/against_dovecot_test.ts.

import type { ByteStream } from "../../lib/transport/types.ts";
import { ModelMailstore } from "./model_mailstore.ts";
import { CAPABILITIES, type Gate, type Lies, noLies, type ServerOptions } from "./model_options.ts";
import { ModelSession } from "./model_session.ts";

export class ModelServer {
  readonly store: ModelMailstore;
  readonly lies: Lies = noLies();
  readonly capabilities: ReadonlySet<string>;
  readonly options: ServerOptions;
  /** Names of the commands that were executed, in order. */
  readonly commands: string[] = [];
  /** What clients did that a server need not bear: syntax, extensions that were not offered. */
  readonly violations: string[] = [];
  gate: Gate;
  readonly #sessions = new Set<Promise<void>>();

  constructor(store: ModelMailstore = new ModelMailstore(), options: ServerOptions = {}) {
    this.store = store;
    this.options = options;
    this.gate = options.gate ?? {};
    const without = new Set((options.without ?? []).map((name) => name.toUpperCase()));
    const offered = options.capabilities ?? CAPABILITIES;
    this.capabilities = new Set(offered.filter((name) => !without.has(name.toUpperCase())));
  }

  has(capability: string): boolean {
    return this.capabilities.has(capability);
  }

  /** Serves one client until it leaves; resolves then. Never rejects but for a mistake in the model. */
  serve(stream: ByteStream): Promise<void> {
    const session = new ModelSession(this, stream).run();
    this.#sessions.add(session);
    return session.finally(() => this.#sessions.delete(session));
  }

  /** Resolves when no session is left. */
  async idle(): Promise<void> {
    while (this.#sessions.size > 0) await Promise.all(this.#sessions);
  }
}
