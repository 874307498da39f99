// The table of options: for each, which octets a value may hold, which shapes it may have, what it is by default.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { utf8Octets } from "../../lib/base/bytes.ts";
import { DEFAULT_PREFIX } from "../../lib/log/prefix.ts";
import { DEFAULT_LOG_PREFIX, OPTIONS, type OptionSpec } from "../../lib/config/options.ts";

function spec(name: string): OptionSpec {
  const found = OPTIONS.get(name);
  ok(found !== undefined, name);
  return found;
}

type OctetSet = (octet: number) => boolean;

const isText: OctetSet = (octet) => octet > 0x1f && (octet < 0x7f || octet > 0x9f);
const isAscii: OctetSet = (octet) => octet > 0 && octet < 0x80;
const isAsciiOfOneLine: OctetSet = (octet) => isAscii(octet) && octet !== 0x0a && octet !== 0x0d;
const isAtom: OctetSet = (octet) => octet > 0x20 && octet < 0x7f && !'()%*"\\]{'.includes(String.fromCharCode(octet));
const isHex: OctetSet = (octet) => "0123456789abcdefABCDEF".includes(String.fromCharCode(octet));

// A valid value in which one octet is put, the octets that are fine there, and whether the empty value is.
const OCTETS: readonly (readonly [names: string, around: readonly [string, string], OctetSet, emptyIsFine: boolean])[] =
  [
    ["database host port proxy command", ["a", "b"], isText, false],
    ["SSL_protocol_min SSL_protocol_max SSL_cipherlist SSL_CApath SSL_CAfile", ["a", "b"], isText, false],
    ["log-prefix SSL_ciphersuites SSL_hostname", ["", ""], isText, true],
    ["logfile", ["/", ""], isText, false],
    ["username password", ["", ""], isAscii, false],
    ["list-mailbox ignore-mailbox", ["", ""], isAsciiOfOneLine, false],
    ["list-reference", ["", ""], isAsciiOfOneLine, true],
    ["list-select-opts", ["A", "B"], (octet) => octet === 0x20 || isAtom(octet), true],
    ["auth", ["A", "B"], (octet) => octet === 0x20 || isAtom(octet), false],
    ["SSL_fingerprint", ["sha1$a", "b"], (octet) => octet === 0x20 || isHex(octet), false],
  ];

for (const [names, [before, after], set, emptyIsFine] of OCTETS) {
  for (const name of names.split(" ")) {
    Deno.test(`\`accepts()\` of ${name} knows every octet`, () => {
      for (let octet = 0; octet < 256; octet++) {
        const value = before + String.fromCharCode(octet) + after;
        strictEqual(spec(name).accepts(value), set(octet), `0x${octet.toString(16)}`);
      }
      strictEqual(spec(name).accepts(""), emptyIsFine, "the empty value");
    });
  }
}

const SHAPES: readonly (readonly [name: string, good: readonly string[], bad: readonly string[]])[] = [
  ["type", ["imap", "imaps", "tunnel"], ["", "IMAP", "imapss", "imap ", "pop3", "imap\n"]],
  ["STARTTLS", ["YES", "no", "Yes", "nO"], ["", "1", "true", "YES ", "NOO", "on"]],
  ["auth", ["PLAIN", "plain", "PLAIN LOGIN", "X-A B C"], ["", " PLAIN", "PLAIN ", "PLAIN  LOGIN", "PLAIN\tLOGIN"]],
  [
    "max-deletes",
    ["0", "1", "1000", "9999999999", "0%", "7%", "50%", "100%", "none"],
    ["", "-1", "+1", "1.5", "%", "101%", "050%", "50 %", "10000000000", "None", "1000 50%", " 1", "1\n"],
  ],
  ["connections", ["1", "4", "9", "10", "16"], ["", "0", "17", "01", "100", "-1", "+1", "4 ", "four", "1\n", "none"]],
  ["logfile", ["/a", "/var/log/x y", "//"], ["", "/", "a", "./a", "~/a"]],
  ["list-select-opts", ["", " ", "SUBSCRIBED  REMOTE "], ["(A)", "A\tB"]],
  [
    "SSL_protocols",
    ["SSLv2", "TLSv1", "TLSv1.0", "!TLSv1.3 TLSv1.2", "!SSLv3 !TLSv1"],
    ["", "SSLv1", "TLSv1.4", "tlsv1", "! TLSv1", "TLSv1  TLSv1.1", "TLSv1,TLSv1.1", "TLSv11", "TLSv1x2"],
  ],
  [
    "SSL_fingerprint",
    ["00ff", "sha256$00FF", "sha1$0 0 MD5$1"],
    ["", "00:ff", "sha256$", "$00", "sha-256$00", "00  11", "0g", "a$b$c"],
  ],
];

for (const [name, good, bad] of SHAPES) {
  Deno.test(`\`accepts()\` of ${name} tells good values from bad`, () => {
    for (const value of good) strictEqual(spec(name).accepts(value), true, JSON.stringify(value));
    for (const value of bad) strictEqual(spec(name).accepts(value), false, JSON.stringify(value));
  });
}

Deno.test("`accepts()` has one rule for all options that are YES or NO", () => {
  for (const name of ["null-stderr", "compress", "SSL_verify"]) {
    strictEqual(spec(name).accepts, spec("STARTTLS").accepts);
  }
});

Deno.test("`accepts()` of a text judges UTF-8 by characters, not by octets", () => {
  for (const text of ["/home/À/x", "Ünïcödé", "日本", "📧"]) ok(spec("database").accepts(utf8Octets(text)), text);
  for (const text of ["a\u0085b", "\u009b", "a\u007f"]) ok(!spec("database").accepts(utf8Octets(text)));
});

Deno.test("`accepts()` answers for any octets, however many", () => {
  fc.assert(fc.property(fc.uint8Array(), (octets) => {
    const value = String.fromCharCode(...octets);
    for (const option of OPTIONS.values()) strictEqual(typeof option.accepts(value), "boolean");
  }));
  for (const option of OPTIONS.values()) option.accepts("TLSv1 a".repeat(50_000));
});

Deno.test("`OPTIONS` holds the original's defaults, and those of its own options", () => {
  const defaults: Record<string, string> = {};
  for (const { name, default: { local, remote } } of OPTIONS.values()) {
    if (local !== null) defaults[name] = local === remote ? local : `${local}/${remote}`;
  }
  deepStrictEqual(defaults, {
    "list-reference": "",
    "type": "imaps",
    "host": "localhost",
    "STARTTLS": "YES",
    "auth": "PLAIN LOGIN",
    "null-stderr": "NO",
    "compress": "NO/YES",
    "SSL_verify": "YES",
    "full-check": "30",
  });
  for (const { name, default: { local }, accepts } of OPTIONS.values()) ok(local === null || accepts(local), name);
});

Deno.test("`OPTIONS` knows which options stand above all sections only", () => {
  deepStrictEqual(
    [...OPTIONS.values()].filter(({ scope }) => scope === "global").map(({ name }) => name).sort(),
    [
      "database",
      "full-check",
      "ignore-mailbox",
      "list-mailbox",
      "list-select-opts",
      "log-prefix",
      "logfile",
      "max-deletes",
    ],
  );
  strictEqual(OPTIONS.size, 31);
});

Deno.test("`DEFAULT_LOG_PREFIX` is that of the logger", () => strictEqual(DEFAULT_LOG_PREFIX, DEFAULT_PREFIX));
