// What the work on one mailbox is given, by a run and by --repair; and what becomes of a command that a server refused in
// it. Does nothing.

import type { Clock } from "../base/clock.ts";
import { CommandError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import type { StatusItems } from "../protocol/mod.ts";
import type { Side, Store } from "../state/types.ts";
import type { BothSides } from "./both_sides.ts";
import type { MailboxBrake } from "./brake.ts";
import type { SharedSession } from "./mailbox_session.ts";
import type { OneWay } from "./one_way.ts";
import type { LookBefore } from "./sight.ts";
import type { Slabs } from "./slabs.ts";

export interface MailboxContext {
  readonly sessions: BothSides<SharedSession>;
  /** Looks that were sent before. */
  readonly foreseen?: BothSides<LookBefore> | null;
  /** Shared by all mailboxes of a run. */
  readonly bodies: { readonly oneWay: OneWay; readonly slabs: Slabs };
  readonly store: Store;
  readonly idx: number;
  /** What the servers have told when they listed their mailboxes; null: nothing. */
  readonly told: BothSides<StatusItems | null>;
  /** How many messages came to all mailboxes of the run, as far as the lists told. */
  readonly arrivedInAll: BothSides<number>;
  /** The name on each server. */
  readonly names: BothSides<string>;
  readonly brake: MailboxBrake;
  /** Without context. */
  readonly log: Logger;
  readonly clock: Clock;
  /** Whether every message is to be compared with its copy; `done` is called when it was, for whatever reason. */
  readonly fullCheck?: { readonly due: boolean; readonly done: () => void };
}

/** Loggers that name the side and its mailbox. */
export function sideLogs({ log, names }: Pick<MailboxContext, "log" | "names">): BothSides<Logger> {
  return {
    local: log.with({ component: "local", mailbox: names.local }),
    remote: log.with({ component: "remote", mailbox: names.remote }),
  };
}

/** A refused command concerns this mailbox only: it becomes a MailboxError; everything else goes up as it is. */
export function inMailbox(error: unknown, { names }: Pick<MailboxContext, "names">): unknown {
  if (!(error instanceof CommandError)) return error;
  const side: Side = error.component === "remote" ? "remote" : "local";
  const code = error.code === null ? "" : `[${error.code}] `;
  const text = `The server refused ${error.command}: ${error.status} ${code}${error.text}`;
  return new MailboxError(text, { component: side, mailbox: names[side], cause: error });
}
