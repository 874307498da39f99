// From sections to settings: inheritance, defaults, what is refused and what is only remarked on.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { escapeControls, utf8Octets } from "../../lib/base/bytes.ts";
import { parseIni } from "../../lib/config/ini.ts";
import { interpret, type Settings } from "../../lib/config/interpret.ts";
import { OPTIONS } from "../../lib/config/options.ts";
import { ConfigError } from "../../lib/errors.ts";

function read(text: string): Settings {
  return interpret(parseIni(new TextEncoder().encode(text), "F"), "F");
}

/** A file with nothing but what is given. */
function file(defaults = "", local = "", remote = ""): string {
  return `${defaults}\n[local]\n${local}\n[remote]\n${remote}\n`;
}

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    ok(error instanceof ConfigError, String(error));
    strictEqual(error.message, escapeControls(error.message));
    return error.message;
  }
  throw new Error(`accepted: ${text}`);
}

Deno.test("`interpret()` gives the defaults when two empty sections are all there is", () => {
  const server = {
    type: "imaps",
    host: "localhost",
    port: 993,
    command: null,
    nullStderr: false,
    startTls: true,
    auth: ["PLAIN", "LOGIN"],
    username: null,
    password: null,
    tls: { verify: true, caFile: null },
  };
  deepStrictEqual(read(file()), {
    database: null,
    defaultDatabase: { name: "localhost.db", originalName: "localhost.db" },
    local: { ...server, compress: false },
    remote: { ...server, compress: true },
    warnings: [],
  });
});

Deno.test("`interpret()` takes a file with everything that is supported", () => {
  const settings = read(`database = sub/x.db
[local]
type = tunnel
command = doveadm exec imap
null-stderr = yes
[remote]
type = imap
host = mail.example.net
port = 0143
STARTTLS = no
username = joe
password = a ;b=c
auth = login plain
compress = No
SSL_verify = NO
SSL_CAfile = /etc/Ünïcödé.pem
`);
  strictEqual(settings.database, "sub/x.db");
  deepStrictEqual(settings.warnings, []);
  const { type, command, nullStderr, port } = settings.local;
  deepStrictEqual([type, command, nullStderr, port], ["tunnel", "doveadm exec imap", true, 0]);
  deepStrictEqual(settings.remote, {
    type: "imap",
    host: "mail.example.net",
    port: 143,
    command: null,
    nullStderr: false,
    startTls: false,
    auth: ["LOGIN", "PLAIN"],
    username: "joe",
    password: "a ;b=c",
    compress: false,
    tls: { verify: false, caFile: "/etc/Ünïcödé.pem" },
  });
});

Deno.test("`interpret()` lets both servers inherit, and each override, the default section", () => {
  const { local, remote } = read(file("username = both\ncompress = YES\n", "username = one", "compress = NO"));
  deepStrictEqual([local.username, local.compress], ["one", true]);
  deepStrictEqual([remote.username, remote.compress], ["both", false]);
  strictEqual(read(file("", "", "") + "[_]\nusername = late\n").local.username, "late");
});

Deno.test("`interpret()` knows the standard ports", () => {
  const ports = (text: string) => [read(text).local.port, read(text).remote.port];
  deepStrictEqual(ports(file("type = imap")), [143, 143]);
  deepStrictEqual(ports(file("port = 1", "type = imap", "port = 65535")), [1, 65535]);
  deepStrictEqual(ports(file("", "type = tunnel\ncommand = x\nport = imaps", "")), [0, 993]);
});

Deno.test("`interpret()` names the state file after the remote host, then the local one", () => {
  const rows: readonly (readonly [string, string, string])[] = [
    [file("", "", "host = r"), "r.db", "r.db"],
    [file("", "host = l", "host = r"), "r.db", "r.db"],
    [file("host = d"), "d.db", "d.db"],
    [file("host = d", "host = l", ""), "d.db", "d.db"],
    [file("", "host = l", ""), "l.db", "localhost.db"],
    [file("", "host = l", "type = tunnel\ncommand = x"), "l.db", "localhost.db"],
    [file("", "", "type = tunnel\ncommand = x"), "localhost.db", "localhost.db"],
    [file("", "", "type = tunnel\ncommand = x\nhost = [r]"), "[r].db", "[r].db"],
  ];
  for (const [text, name, originalName] of rows) deepStrictEqual(read(text).defaultDatabase, { name, originalName });
});

const REFUSED: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ["no section local", "[remote]\n", /^F: No such section local\b/],
  ["no section remote", "[local]\n", /^F: No such section remote\b/],
  ["nothing at all", "", /^F: No such section local\b/],
  ["an unknown option", file("nonsense = 1"), /^F:1: Invalid option nonsense\b/],
  ["an unknown option of a server", file("", "starttls = NO"), /^F:3: Invalid option starttls\b/],
  ["a name that objects have anyway", file("__proto__ = 1"), /^F:1: Invalid option __proto__\b/],
  ["an escape sequence for a name", file("\x1b[2J = 1"), /^F:1: Invalid option \\x1B\[2J:/],
  ["a bad value", file("", "", "compress = maybe"), /^F:5: Invalid option compress = maybe: expected YES or NO$/],
  ["a bad value that would be overridden", file("type = pop3", "type = imap", "type = imap"), /^F:1: .*type = pop3/],
  ["a bad value without effect", file("", "", "database ="), /^F:5: Invalid option database = :/],
  ["a tunnel without command", file("", "type = tunnel"), /^F:2: Missing tunnel command: .*\[local\]/],
  ["a port that cannot be", file("", "", "port = 65536"), /^F:5: Invalid option port = 65536: expected a number/],
  ["port 0", file("port = 0"), /^F:1: Invalid option port = 0:/],
  ["a port by name", file("", "", "port = imaps"), /^F:5: Option port .*not supported yet/],
  ["a negative port", file("", "", "port = -1"), /^F:5: Option port .*not supported yet/],
  ["a host in brackets", file("", "", "host = [::1]"), /^F:5: Option host .*not supported yet/],
  ["a reserved option", file() + "[extra]\nconnections = 4\n", /^F:7: Invalid option connections: .*\[extra\]/],
  ["a reserved option of a server", file() + "[extra.remote]\nx =\n", /^F:7: Invalid option x:.*\[extra\.remote\]/],
];

for (const [what, text, message] of REFUSED) {
  Deno.test(`\`interpret()\` refuses ${what}`, () => ok(message.test(refusal(text)), refusal(text)));
}

Deno.test("`interpret()` refuses what is not supported yet, naming file, line and option", () => {
  const values: Readonly<Record<string, string>> = {
    "logfile": "/var/log/x",
    "log-prefix": "%n",
    "list-mailbox": "INBOX",
    "list-select-opts": "SUBSCRIBED",
    "ignore-mailbox": "^virtual",
    "list-reference": "a/",
    "proxy": "socks5h://joe:hunter2@localhost",
    "SSL_protocols": "!TLSv1.1",
    "SSL_protocol_min": "TLSv1.2",
    "SSL_protocol_max": "TLSv1.3",
    "SSL_fingerprint": "sha256$00ff",
    "SSL_cipherlist": "ECDHE",
    "SSL_ciphersuites": "",
    "SSL_hostname": "",
    "SSL_CApath": "/etc/ssl/certs",
  };
  deepStrictEqual(Object.keys(values).sort(), unsupportedOptions());
  for (const [option, value] of Object.entries(values)) {
    strictEqual(refusal(file(`${option} = ${value}`)), `F:1: Option ${option} is not supported yet`);
    if (OPTIONS.get(option)?.scope !== "server") continue;
    strictEqual(refusal(file("", "", `${option} = ${value}`)), `F:5: Option ${option} is not supported yet`);
  }
});

function unsupportedOptions(): readonly string[] {
  return [...OPTIONS.values()].filter(({ supported }) => !supported).map(({ name }) => name).sort();
}

Deno.test("`interpret()` accepts unsupported options that ask for nothing", () => {
  const text = "list-reference =\nlist-select-opts =\nlist-mailbox = *\nlog-prefix = %?n?%?m?%n(%m)&%n?: ?";
  deepStrictEqual(read(file(text)), read(file()));
});

Deno.test("`interpret()` warns, and goes on, when something has no effect", () => {
  const settings = read(`# c
[local]
database = x.db
logfile = /var/log/x
list-mailbox = INBOX
[Local]
nonsense = 1
[extra]
[remote]
`);
  strictEqual(settings.database, null);
  deepStrictEqual(settings.warnings, [
    "F:3: Option database has no effect in [local], put it above all sections",
    "F:4: Option logfile has no effect in [local], put it above all sections",
    "F:5: Option list-mailbox has no effect in [local], put it above all sections",
    "F:6: Section [Local] is unknown, it has no effect",
  ]);
});

Deno.test("`interpret()` keeps secret values out of every error text", () => {
  const secret = "hunter2-\u0001";
  for (const option of ["password", "command", "proxy"]) {
    const bad = option === "password" ? `${secret}é` : secret;
    for (const text of [file(`${option} = ${bad}`), file("", "", `${option} = ${bad}`)]) {
      const message = refusal(text);
      ok(message.includes(`Invalid option ${option}: expected `), message);
      ok(!message.includes("hunter2"), message);
    }
  }
});

Deno.test("`interpret()` refuses octets that are not UTF-8 where the system wants text", () => {
  const octets = Uint8Array.from("[local]\ntype=tunnel\ncommand=caf\xe9\n[remote]\n", (c) => c.charCodeAt(0));
  throws(() => interpret(parseIni(octets, "F"), "F"), {
    name: "ConfigError",
    message: "F:3: The value of option command is not valid UTF-8",
  });
});

Deno.test("`interpret()` throws nothing but ConfigError, whatever the options", () => {
  const name = fc.oneof(fc.constantFrom(...OPTIONS.keys()), fc.string());
  const value = fc.oneof(fc.constantFrom("YES", "imap", "tunnel", "x", "/x", "25", "[::1]"), fc.string());
  const section = fc.constantFrom("", "[local]", "[remote]", "[extra]", "[x]", "[_]");
  fc.assert(fc.property(fc.array(fc.tuple(section, name, value)), (lines) => {
    const text = lines.map(([header, key, given]) => `${header}\n${key} = ${given}\n`).join("");
    try {
      const { local, remote } = read(`[local]\n[remote]\n[_]\n${text}`);
      for (const { type, command } of [local, remote]) ok(type !== "tunnel" || command !== null);
    } catch (error) {
      ok(error instanceof ConfigError, String(error));
      strictEqual(error.message, error.message.replace(/[\r\n]/g, ""));
    }
  }));
});

Deno.test("`interpret()` shows names as octets in messages", () => {
  strictEqual(refusal(file("é = 1")), `F:1: Invalid option ${utf8Octets("é")}: there is no such option`);
});
