// The form of a command of the model server: what it is given, what it answers, how it refuses. No command is here.

import { Refused } from "./model_mailstore.ts";
import type { RawCommand, Token } from "./model_parser.ts";
import type { ModelSession } from "./model_session.ts";

/** What a command answers besides untagged lines: a code and a text behind OK. */
export interface Answer {
  readonly code?: string;
  readonly text: string;
}

export type Execute = (session: ModelSession, args: readonly Token[], command: RawCommand) => Answer | Promise<Answer>;

/** A tagged NO. @throws Refused always */
export function no(code: string | null, text: string): never {
  throw new Refused(code, text);
}
