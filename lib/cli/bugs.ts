// What becomes of an error that is none of ours: a text with its stack, and an exit status of its own. Also for errors that
// nobody is there to catch, in a callback or a forgotten promise, for which the runtime would end the program with 1.

import { escapeControls, fromUtf8Octets, utf8Octets } from "../base/bytes.ts";

/** The exit status of a bug. */
export const BUG = 255;

/** What is printed of anything thrown; ends with a line break. */
export function bugText(thrown: unknown): string {
  const stack = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
  // A bug may quote what a server sent.
  const lines = stack.split("\n").map((line) => escapeControls(utf8Octets(line)));
  return `interimap: this is a bug, please report it:\n${fromUtf8Octets(lines.join("\n")) ?? ""}\n`;
}

/** Calls `end` with whatever is thrown where nobody catches it. `listen`: the runtime's own. */
export function watchBugs(listen: typeof addEventListener, end: (thrown: unknown) => never): void {
  listen("error", (event) => {
    event.preventDefault();
    end(event.error);
  });
  listen("unhandledrejection", (event) => {
    event.preventDefault();
    end(event.reason);
  });
}
