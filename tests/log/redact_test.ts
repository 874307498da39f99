// Lines of the wire in the log: who, what, and what must not be there.

import { strictEqual } from "node:assert/strict";
import { cleanText, redactCommand, secretLine, wireLine } from "../../lib/log/redact.ts";

Deno.test("`redactCommand()` leaves the name of the command only", () => {
  strictEqual(redactCommand("xxx", "LOGIN"), "xxx LOGIN [REDACTED]");
  strictEqual(redactCommand("xxx", "AUTHENTICATE PLAIN"), "xxx AUTHENTICATE PLAIN [REDACTED]");
});

Deno.test("`wireLine()` says who sent the line, and makes control characters visible", () => {
  strictEqual(wireLine("C", "000001 NOOP"), "C: 000001 NOOP");
  strictEqual(wireLine("S", "* OK \x1b[2Jcaf\xe9\t"), "S: * OK \\x1B[2Jcaf\xe9\\x09");
});

Deno.test("`secretLine()` shows credentials from debug level 2 on only", () => {
  const shown = redactCommand("xxx", "LOGIN");
  strictEqual(secretLine("000001 LOGIN joe hunter2", shown, 1), "C: xxx LOGIN [REDACTED]");
  strictEqual(secretLine("000001 LOGIN joe hunter2", shown, 2), "C: 000001 LOGIN joe hunter2");
});

Deno.test("`cleanText()` keeps octets above 0x7F and every printable one", () => {
  strictEqual(cleanText("\x00a\x7f\xc2\x80\xe9 \\x00"), "\\x00a\\x7F\\xC2\\x80\xe9 \\x00");
});
