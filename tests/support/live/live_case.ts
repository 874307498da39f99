// Registers tests against real servers: gives each a lab of its own and the program under test, and shows the
// servers' logs when it fails. INTERIMAP_TEST_LIVE=no leaves them all out.

import { Lab } from "../live_dovecot.ts";
import { type Program, programUnderTest, Workspace } from "./program.ts";
import { within } from "./waiting.ts";

const LEFT_OUT = Deno.env.get("INTERIMAP_TEST_LIVE") === "no";

const found: Program | Error = LEFT_OUT
  ? new Error("live tests are left out")
  : await programUnderTest().catch((error: unknown) => error instanceof Error ? error : new Error(String(error)));

export interface LiveContext {
  readonly lab: Lab;
  readonly program: Program;
  /** For tables: a row is a step, and the next one runs even if it fails. */
  readonly test: Deno.TestContext;
}

export interface LiveOptions {
  /** The original is known not to do this. */
  readonly newProgramOnly?: boolean;
}

/** A test that hangs fails, and the others have their turn. */
const LIMIT_MS = 600_000;

/** A test with real servers. Fails as well when a server reports an error that `lab.expectLog()` did not announce. */
export function liveTest(
  name: string,
  body: (context: LiveContext) => Promise<void>,
  options: LiveOptions = {},
): void {
  const notForTheOriginal = options.newProgramOnly === true && !(found instanceof Error) && found.isOriginal;
  const reason = LEFT_OUT
    ? " (left out by INTERIMAP_TEST_LIVE=no)"
    : notForTheOriginal
    ? " (not promised by the original)"
    : "";
  Deno.test({ name: `${name}${reason}`, ignore: LEFT_OUT || notForTheOriginal, fn: (test) => runInLab(test, body) });
}

async function runInLab(test: Deno.TestContext, body: (context: LiveContext) => Promise<void>): Promise<void> {
  if (found instanceof Error) throw found;
  const lab = await Lab.open();
  Workspace.forgetOutput();
  try {
    await within("The test", body({ lab, program: found, test }), LIMIT_MS);
    const complaints = await lab.complaints();
    if (complaints.length > 0) throw new Error(`A server complained: ${complaints.join("\n")}`);
  } catch (error) {
    console.error(`${await lab.logs()}${Workspace.recentOutput()}`);
    throw error;
  } finally {
    await lab.close();
  }
}
