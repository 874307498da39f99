// Hosts, IP literals, ports and names of services.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { findService, isIpLiteral, parseHost, parsePort } from "../../lib/config/address.ts";

Deno.test("`isIpLiteral()` tells addresses from names", () => {
  const literals = ["127.0.0.1", "255.255.255.255", "0.0.0.0", "::", "::1", "fe80::1%eth0", "2001:db8::192.0.2.1"];
  const names = [
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1..2.3",
    ":",
    "::g",
    "1::2::3",
  ];
  for (const text of literals) ok(isIpLiteral(text), text);
  for (const text of [...names, "[::1]", "1.2.3.4%eth0", "::1%", "::1/x"]) ok(!isIpLiteral(text), text);
  fc.assert(fc.property(fc.ipV4(), (text) => isIpLiteral(text)));
  fc.assert(fc.property(fc.ipV6(), (text) => isIpLiteral(text)));
});

Deno.test("`parseHost()` takes brackets off addresses only", () => {
  deepStrictEqual(parseHost("[::1]"), { kind: "host", host: "::1" });
  deepStrictEqual(parseHost("[10.0.0.1]"), { kind: "host", host: "10.0.0.1" });
  deepStrictEqual(parseHost("::1"), { kind: "host", host: "::1" });
  deepStrictEqual(parseHost("[::1"), { kind: "host", host: "[::1" });
  deepStrictEqual(parseHost("[mail.example]"), { kind: "bad-literal", text: "mail.example" });
  deepStrictEqual(parseHost("[]"), { kind: "bad-literal", text: "" });
});

Deno.test("`parsePort()` knows numbers, bad numbers and names", () => {
  const rows: readonly (readonly [string, number | null | "name"])[] = [
    ["1", 1],
    ["0143", 143],
    ["65535", 65535],
    ["0", null],
    ["65536", null],
    ["imaps", "name"],
    ["-1", "name"],
    ["1.5", "name"],
    ["", "name"],
  ];
  for (const [text, expected] of rows) strictEqual(parsePort(text), expected, text);
});

Deno.test("`findService()` reads services(5): TCP only, aliases, comments", () => {
  const text =
    "# imap 1/tcp\n\nimap2\t143/tcp   imap\t# Interim Mail Access\r\nimaps 1/udp\nimaps 993/tcp\nx 5/sctp # y\nz\n";
  strictEqual(findService(text, "imap2"), 143);
  strictEqual(findService(text, "imap"), 143);
  strictEqual(findService(text, "imaps"), 993);
  for (const name of ["x", "y", "z", "Interim", "", "143/tcp", "IMAP"]) {
    strictEqual(findService(text, name), null, name);
  }
});
