// The texts that scripts and people know from the original.

import { deepStrictEqual, match } from "node:assert/strict";
import { LONG_USAGE, SHORT_USAGE, versionText } from "../../lib/cli/help.ts";

Deno.test("`SHORT_USAGE` is the two lines of the original", () => {
  deepStrictEqual(SHORT_USAGE.split("\n"), [
    "Usage: interimap [OPTIONS] [COMMAND] [MAILBOX [..]]",
    "Try 'interimap --help' or consult the manpage for more information.",
    "",
  ]);
});

Deno.test("`LONG_USAGE` is the five lines of the original", () => {
  deepStrictEqual(LONG_USAGE.split("\n"), [
    "Usage: interimap [OPTIONS] [MAILBOX [..]]",
    "  or: interimap [OPTIONS] --repair [MAILBOX [..]]",
    "  or: interimap [OPTIONS] --delete MAILBOX [..]",
    "  or: interimap [OPTIONS] --rename SOURCE DEST",
    "Consult the manpage for more information.",
    "",
  ]);
});

Deno.test("`versionText()` begins with a line that scripts can match", () => {
  match(versionText("1.2.3", "Deno 2.9.6"), /^interimap version 1\.2\.3\n\(Deno 2\.9\.6\)\n$/);
});
