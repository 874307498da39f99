// The default prefix, for every combination of what may be known.

import { strictEqual } from "node:assert/strict";
import { prefix } from "../../lib/log/prefix.ts";
import type { LogContext } from "../../lib/log/types.ts";

Deno.test("`prefix()` shows component and mailbox as the original does", () => {
  const rows: readonly (readonly [LogContext, string])[] = [
    [{}, ""],
    [{ component: "local" }, "local: "],
    [{ component: "remote", mailbox: "INBOX" }, "remote(INBOX): "],
    [{ component: "database", mailbox: "" }, "database: "],
    [{ component: "", mailbox: "INBOX" }, ""],
    [{ mailbox: "INBOX" }, ""],
    [{ component: "local", mailbox: "a(b)%n?" }, "local(a(b)%n?): "],
  ];
  for (const [context, expected] of rows) strictEqual(prefix(context), expected);
});
