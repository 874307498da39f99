// From sections to settings: inheritance, defaults, what is refused and what is only remarked on.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { escapeControls, utf8Octets } from "../../lib/base/bytes.ts";
import { parseIni } from "../../lib/config/ini.ts";
import { interpret, type Settings } from "../../lib/config/interpret.ts";
import { OPTIONS } from "../../lib/config/options.ts";
import { NO_TLS } from "../../lib/config/tls_options.ts";
import { ConfigError } from "../../lib/errors.ts";

function read(text: string): Settings {
  return interpret(parseIni(new TextEncoder().encode(text), "F"), "F", () => SERVICES);
}

const SERVICES = "imap2\t143/tcp  imap # mail\nimaps 993/udp\nimaps 993/tcp\n";

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
    connections: 4,
    listReference: "",
    proxy: null,
    tls: { ...NO_TLS, verify: true, caFile: null },
  };
  deepStrictEqual(read(file()), {
    database: null,
    defaultDatabase: { name: "localhost.db", originalName: "localhost.db" },
    local: { ...server, compress: false },
    remote: { ...server, compress: true },
    listMailbox: null,
    listSelectOptions: [],
    ignoreMailbox: null,
    logFile: null,
    logPrefix: "%?n?%?m?%n(%m)&%n?: ?",
    maxDeletes: null,
    fullCheckDays: 30,
    warnings: [],
  });
});

Deno.test("`interpret()` takes full-check in days, where 0 is never, also in [extra]", () => {
  const cases: readonly (readonly [string, number | null])[] = [["7", 7], ["0", null], ["never", null], ["0365", 365]];
  for (const [value, days] of cases) {
    strictEqual(read(`full-check = ${value}\n[local]\n[remote]\n`).fullCheckDays, days, value);
    strictEqual(read(`[extra]\nfull-check = ${value}\n[local]\n[remote]\n`).fullCheckDays, days, value);
  }
  for (const value of ["-1", "30d", "", "Never", "10000"]) {
    throws(() => read(`full-check = ${value}\n[local]\n[remote]\n`), /full-check/, value);
  }
});

Deno.test("`interpret()` takes a file with both kinds of servers", () => {
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
    connections: 4,
    listReference: "",
    proxy: null,
    tls: { ...NO_TLS, verify: false, caFile: "/etc/Ünïcödé.pem" },
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
  ["a port that is no service", file("", "", "port = imapx"), /^F:5: Invalid option port = imapx: .*\/etc\/services/],
  ["a negative port", file("", "", "port = -1"), /^F:5: Invalid option port = -1: .*\/etc\/services/],
  ["a host in brackets that is a name", file("", "", "host = [localhost]"), /^F:5: Invalid IP literal: localhost$/],
  ["an address in brackets of other letters", file("", "", "host = [\u0175]"), /^F:5: Invalid IP literal: \xc5\xb5$/],
  [
    "words with control characters",
    file("list-mailbox = (\x1b[2J"),
    /^F:1: Invalid value for list-mailbox: \(\\x1B\[2J: /,
  ],
  ["words that are stuck together", file('list-mailbox = a"b"'), /^F:1: Invalid value for list-mailbox: a"b"/],
  [
    "a match of nothing",
    file("list-select-opts = recursivematch"),
    /^F:1: Invalid option list-select-opts = .*SUBSCRIBED/,
  ],
  ["a bad expression", file("ignore-mailbox = ("), /^F:1: Invalid option ignore-mailbox: /],
  ["a possessive quantifier", file("ignore-mailbox = a++"), /^F:1: Invalid option ignore-mailbox: possessive/],
  ["a proxy of another kind", file("proxy = http://u:hunter2@h"), /^F:1: Invalid option proxy: the protocol http /],
  ["an old protocol", file("SSL_protocol_min = TLSv1.1"), /^F:1: Invalid option SSL_protocol_min = TLSv1.1: .*TLSv1.2/],
  ["an unknown protocol", file("SSL_protocol_max = x"), /^F:1: .*SSL_protocol_max = x: Unknown protocol version/],
  [
    "old protocols only",
    file("SSL_protocols = SSLv3 TLSv1"),
    /^F:1: .*SSL_protocols = SSLv3 TLSv1: it leaves SSLv3 TLSv1,/,
  ],
  ["no protocol at all", file("SSL_protocols = !TLSv1.2 TLSv1.2"), /^F:1: .*it leaves nothing/],
  ["versions that exclude each other", file("SSL_protocol_min=TLSv1.3\nSSL_protocol_max=TLSv1.2"), /^F:1: .*is above/],
  ["a pin that is too short", file("SSL_fingerprint = 00ff"), /^F:1: .*SSL_fingerprint = 00ff: expected 64 hex digits/],
  ["an unknown option in [extra]", file() + "[extra]\nx = 4\n", /^F:7: Invalid option x: \[extra\] has no such option/],
  [
    "an option of the original in [extra]",
    file() + "[extra]\nlogfile = /x\n",
    /^F:7: .* logfile: \[extra\] has no such option/,
  ],
  [
    "an option that stands in [extra] as well",
    file("max-deletes = 5") + "[extra]\nmax-deletes = 6\n",
    /^F:7: Invalid option max-deletes: it stands in line 1 already/,
  ],
  ["a bad value in [extra]", file() + "[extra]\nmax-deletes = many\n", /^F:7: .*max-deletes = many: expected a number/],
  [
    "an unknown option in [extra.remote]",
    file() + "[extra.remote]\nx =\n",
    /^F:7: Invalid option x: \[extra\.remote\] has no such option/,
  ],
  [
    "an option of the program in [extra.local]",
    file() + "[extra.local]\nfull-check = 3\n",
    /^F:7: Invalid option full-check: \[extra\.local\] has no such option/,
  ],
  [
    "an option of a server that stands in its [extra.remote] as well",
    file("", "", "connections = 5") + "[extra.remote]\nconnections = 6\n",
    /^F:7: Invalid option connections: it stands in line 5 already/,
  ],
  ["too many connections", file("", "connections = 17"), /^F:3: Invalid option connections = 17: expected a number/],
];

for (const [what, text, message] of REFUSED) {
  Deno.test(`\`interpret()\` refuses ${what}`, () => ok(message.test(refusal(text)), refusal(text)));
}

Deno.test("`interpret()` reads the options of lists and of the log", () => {
  const { listMailbox, listSelectOptions, ignoreMailbox, logFile, logPrefix, local, remote } = read(file(
    'list-mailbox = a* "b\\x00c"\nlist-select-opts =  subscribed  REMOTE\nignore-mailbox = ^v(?:\\x00|$)\n' +
      "logfile = /tmp/\xe9\nlog-prefix =\nlist-reference = x/",
    "list-reference = perso/",
  ));
  deepStrictEqual(listMailbox, ["a*", "b\0c"]);
  deepStrictEqual(listSelectOptions, ["SUBSCRIBED", "REMOTE"]);
  deepStrictEqual(["v", "v\0a", "va", "xv"].map((name) => ignoreMailbox?.test(name)), [true, true, false, false]);
  deepStrictEqual([logFile, logPrefix], ["/tmp/\xe9", ""]);
  deepStrictEqual([local.listReference, remote.listReference], ["perso/", "x/"]);
});

Deno.test("`interpret()` reads how many deletions are too many, above the sections or in [extra]", () => {
  const values = [
    ["0", { count: 0, percent: null }],
    ["1000", { count: 1000, percent: null }],
    ["0%", { count: null, percent: 0 }],
    ["50%", { count: null, percent: 50 }],
    ["none", { count: null, percent: null }],
  ] as const;
  for (const [value, expected] of values) {
    for (const text of [file(`max-deletes = ${value}`), `${file()}[extra]\nmax-deletes = ${value}\n`]) {
      const { maxDeletes, warnings } = read(text);
      deepStrictEqual(maxDeletes, expected);
      deepStrictEqual(warnings, []);
    }
  }
  strictEqual(read(file()).maxDeletes, null);
  deepStrictEqual(read(file("", "max-deletes = 5")).maxDeletes, null);
  ok(/max-deletes has no effect in \[local\]/.test(read(file("", "max-deletes = 5")).warnings.join()));
});

Deno.test("`interpret()` reads how many connections a server may get, in its own section or beside it", () => {
  const cases: readonly (readonly [text: string, local: number, remote: number])[] = [
    [file(), 4, 4],
    [file("", "type = tunnel\ncommand = c"), 1, 4],
    [file("connections = 2", "type = tunnel\ncommand = c", "connections = 16"), 2, 16],
    [file("connections = 2") + "[extra.remote]\nconnections = 3\n", 2, 3],
    [file("", "type = tunnel\ncommand = c") + "[extra.local]\nconnections = 8\n[extra]\nconnections = 1\n", 8, 1],
  ];
  for (const [text, ...expected] of cases) {
    const { local, remote, warnings } = read(text);
    deepStrictEqual([local.connections, remote.connections], expected, text);
    deepStrictEqual(warnings, [], text);
  }
});

Deno.test("`interpret()` reads where to connect", () => {
  const { local, remote } = read(file(
    "proxy = socks5h://joe:a@b:c@[::1]:imap",
    "type = imap\nhost = [127.0.0.1]\nport = imap",
    "host = ::1\nport = imaps\nproxy = socks5://proxy.example",
  ));
  deepStrictEqual([local.host, local.port, remote.host, remote.port], ["127.0.0.1", 143, "::1", 993]);
  const credentials = { user: "joe", password: "a@b:c" };
  deepStrictEqual(local.proxy, { resolve: "there", host: "::1", port: 143, credentials });
  deepStrictEqual(remote.proxy, { resolve: "here", host: "proxy.example", port: 1080, credentials: null });
});

Deno.test("`interpret()` leaves TLS and the proxy out of a tunnel", () => {
  const { local } = read(file("proxy = socks5://h\nSSL_hostname = x", "type = tunnel\ncommand = c\nhost = [x]"));
  deepStrictEqual([local.proxy, local.tls.serverName], [null, null]);
});

Deno.test("`interpret()` reads the options of TLS", () => {
  const pins = `SSL_fingerprint = ${"AB".repeat(32)} sha1$${"0f".repeat(20)} sha3-256$1`.replace("sha3-256", "blake2s");
  const { local, remote } = read(file(pins, "SSL_hostname =\nSSL_ciphersuites =", "SSL_cipherlist = A:B,C D"));
  deepStrictEqual(remote.tls, {
    ...NO_TLS,
    verify: true,
    caFile: null,
    cipherList: ["A", "B", "C", "D"],
    fingerprints: [
      { algorithm: "sha256", digest: "ab".repeat(32) },
      { algorithm: "sha1", digest: "0f".repeat(20) },
      { algorithm: "blake2s", digest: "1" },
    ],
  });
  deepStrictEqual([local.tls.serverName, local.tls.cipherSuites, local.tls.maxVersion], ["", null, "TLSv1.2"]);
});

Deno.test("`interpret()` maps SSL_protocols onto the versions that are left", () => {
  const rows: readonly (readonly [string, string | null, string | null])[] = [
    ["!SSLv2 !SSLv3", null, null],
    ["!TLSv1.3", null, "TLSv1.2"],
    ["TLSv1.3 TLSv1.0", "TLSv1.3", null],
    ["TLSv1 TLSv1.1 TLSv1.2", null, "TLSv1.2"],
    ["TLSv1.2 TLSv1.3 !TLSv1.2", "TLSv1.3", null],
  ];
  for (const [value, min, max] of rows) {
    const { remote, warnings } = read(file(`SSL_protocols = ${value}`));
    deepStrictEqual([remote.tls.minVersion, remote.tls.maxVersion], [min, max], value);
    strictEqual(warnings.length, 1);
    ok(warnings[0]?.startsWith("F:1: SSL_protocols is deprecated"));
  }
  const { remote, warnings } = read(file("SSL_protocols = SSLv3\nSSL_protocol_min = TLSv1.3"));
  deepStrictEqual([remote.tls.minVersion, warnings.length], ["TLSv1.3", 2]);
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

Deno.test("`interpret()` warns when a comment cuts off a password or a command, and does not show it", () => {
  const { local, remote, warnings } = read(file(
    "",
    "type = tunnel\ncommand = cd x ; exec y",
    "password = hunter2 ; really\nusername = joe ; me\nproxy = socks5://a;b@h;",
  ));
  deepStrictEqual([local.command, remote.password, remote.username], ["cd x", "hunter2", "joe"]);
  deepStrictEqual(
    warnings,
    ["command", "password"].map((option, i) =>
      `F:${i === 0 ? 4 : 6}: The value of option ${option} ends before " ;", which begins a comment`
    ),
  );
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
  throws(() => interpret(parseIni(octets, "F"), "F", () => ""), {
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
