// Registers tests between Dovecot and Cyrus: each has a lab and a Cyrus server of its own, whose log is shown when the
// test fails. An error in that log which the test did not announce fails the test as well.

import { Cyrus, type CyrusLayout, USUAL_LAYOUT } from "./cyrus.ts";
import { type LiveContext, type LiveOptions, liveTest } from "./live_case.ts";

export interface CyrusContext extends LiveContext {
  readonly cyrus: Cyrus;
}

export interface CyrusOptions extends LiveOptions {
  readonly layout?: Partial<CyrusLayout>;
  /** Errors that the test provokes. */
  readonly expected?: RegExp;
}

/** A test with a lab for Dovecot and a running Cyrus. */
export function cyrusTest(
  name: string,
  body: (context: CyrusContext) => Promise<void>,
  options: CyrusOptions = {},
): void {
  const { layout, expected, ...rest } = options;
  liveTest(name, async (context) => {
    const { good } = await context.lab.certificates();
    const cyrus = await Cyrus.start(`${context.lab.directory}/cyrus`, good, { ...USUAL_LAYOUT, ...layout });
    try {
      await body({ ...context, cyrus });
      const complaint = cyrus.complaints().find(({ text }) => expected?.test(text) !== true);
      if (complaint !== undefined) throw new Error(`Cyrus complained: ${complaint.text}`);
    } catch (error) {
      console.error(await cyrus.logs());
      throw error;
    } finally {
      await cyrus.stop();
    }
  }, rest);
}
