// The default prefix of a log line, `%?n?%?m?%n(%m)&%n?: ?` in the original's format language, written out.
// The language itself comes with the option log-prefix.

import type { LogContext } from "./types.ts";

/** `local(INBOX): `, `local: ` or nothing. A mailbox without a component is not shown. */
export function prefix(context: LogContext): string {
  const { component = "", mailbox = "" } = context;
  if (component === "") return "";
  return mailbox === "" ? `${component}: ` : `${component}(${mailbox}): `;
}
