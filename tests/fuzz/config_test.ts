// Damaged configuration files through the reader: only a ConfigError comes out, in one printable line that names the
// file, and neither it nor a warning ever shows a password. Then the languages inside the values, each alone.

import assert from "node:assert/strict";
import { escapeControls, fromLatin1, fromUtf8Octets } from "../../lib/base/bytes.ts";
import { type IniFile, parseIni } from "../../lib/config/ini.ts";
import { interpret } from "../../lib/config/interpret.ts";
import { parseListMailbox } from "../../lib/config/mailbox_patterns.ts";
import { OPTIONS } from "../../lib/config/options.ts";
import { translatePerlRegex } from "../../lib/config/perl_regex.ts";
import { parseProxy } from "../../lib/config/proxy.ts";
import { ConfigError } from "../../lib/errors.ts";
import { randomNumbers } from "../protocol/support.ts";
import { corpus, damaged, heap, isPrintableLine, pick, ROUNDS, rounds, roundsFrom, SEED } from "./support.ts";

const FILE = "/etc/mail.config";

const SERVICES = "imap2\t143/tcp\timap # mail\nimaps 993/tcp\nsocks 1080/tcp\n";

/** Stands in every secret of the corpus. */
const SECRET = "hunter2";

const VALUES: readonly string[] = [
  "YES",
  "imap",
  "tunnel",
  "none",
  "101%",
  "\x1b[2J",
  "\xc2\x9b2J",
  "\xc5\xb5",
  "\xff",
  "socks5h://u:hunter2@[::1]:socks",
  "socks5://[u:hunter2@\xc5\xb5]",
  "[::1]",
  "[\xc5\xb5]",
  "TLSv1.3",
  "SSLv3",
  "!TLSv1.3",
  "sha256$00",
  '"a\\x00*" b',
  "(?i)a++",
  "[[:upper:]",
  "%?n?%?m?",
  "99999999999999999999",
];

const PIECES: readonly string[] = [
  ...[...OPTIONS.keys()].map((name) => `\n${name} = `),
  ...VALUES,
  "\n[local]\n",
  "\n[remote]\n",
  "\n[extra]\n",
  "\n[extra.local]\n",
  "\n[_]\n",
  "\n[\x1b[31m]\n",
  "[]",
  " ; ",
  "#",
  "=",
  "\r",
  "\r\r\n",
  "\0",
  "\xef\xbb\xbf",
  "\xff\xfe",
  "\u00a0",
];

/** Whether something else than a secret option's value holds the marker, and may be shown. */
function showsSecret(ini: IniFile): boolean {
  return [...ini.values()].some((section) =>
    section.name.includes(SECRET) ||
    [...section.entries.values()].some(({ key, value }) =>
      key.includes(SECRET) || (value.includes(SECRET) && OPTIONS.get(key)?.secret !== true)
    )
  );
}

/** @returns the text of the ConfigError, or null */
function refusal(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** Reads a file as the program does; how it ended. */
function read(text: string): "syntax error" | "refused" | "taken" {
  let ini: IniFile = new Map();
  const syntax = refusal(() => void (ini = parseIni(fromLatin1(text), FILE)));
  if (syntax !== null) {
    assert.match(syntax, /^\/etc\/mail\.config:[1-9][0-9]*: Syntax error: /);
    assert.ok(isPrintableLine(syntax) && !syntax.includes(SECRET), syntax);
    return "syntax error";
  }
  let warnings: readonly string[] = [];
  const problem = refusal(() => void ({ warnings } = interpret(ini, FILE, () => SERVICES)));
  for (const line of problem === null ? warnings : [problem]) {
    assert.ok(isPrintableLine(line), JSON.stringify(line));
    assert.match(line, /^\/etc\/mail\.config:(?:[1-9][0-9]*:| No such section )/);
    if (!showsSecret(ini)) assert.ok(!line.includes(SECRET), line);
  }
  return problem === null ? "taken" : "refused";
}

Deno.test("`parseIni()` and `interpret()` refuse damaged files in one line without a secret, or take them", () => {
  const kept = corpus("config");
  const random = randomNumbers(SEED);
  const ends = new Map<string, number>();
  const make = () => random() < 0.9 ? damaged(random, pick(random, kept), PIECES) : `${heap(random, PIECES)}\n`;
  roundsFrom(kept, make, (text) => {
    const end = read(text);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  });
  // The damage must be neither harmless nor total, or this tests nothing.
  for (const end of ["syntax error", "refused", "taken"]) {
    assert.ok((ends.get(end) ?? 0) > ROUNDS / 50, JSON.stringify([...ends]));
  }
});

Deno.test("`interpret()` takes or refuses any value of any option", () => {
  const random = randomNumbers(SEED + 1);
  rounds(() => {
    const [section, other] = random() < 0.5 ? ["local", "remote"] : ["remote", "local"];
    const name = pick(random, [...OPTIONS.keys()]);
    const value = random() < 0.5 ? damaged(random, pick(random, VALUES), PIECES) : heap(random, VALUES);
    const above = OPTIONS.get(name)?.scope === "global" || random() < 0.3;
    const line = `${name} = ${value.replace(/[\r\n]/g, "")}\n`;
    const text = `${above ? line : ""}[${section}]\ntype = imap\n${above ? "" : line}[${other}]\n`;
    try {
      read(text);
    } catch (error) {
      throw new Error(`Input ${JSON.stringify(text.slice(0, 2000))}`, { cause: error });
    }
  });
});

const REGEX_PIECES: readonly string[] = [
  ..."()[]{}|*+?^$.\\-#:<>='&, \n\x1b\x7f",
  ...["a", "Z", "0", "9", "(?:", "(?i)", "(?x)", "(?#", "(?<n>", "(?P=n)", "\\k<n>", "(?<=", "(?!", "(?^:", "(?&n)"],
  ...["\\Q", "\\E", "\\x{110000}", "\\x{", "\\o{7777}", "\\1", "\\g{2}", "\\p{Lu}", "\\pL", "\\b{wb}", "\\R", "\\cA"],
  ...["[[:alpha:]]", "[[:^x:]]", "[a-\\d]", "[]", "{1,2}", "{99999999999}", "{,3}", "a{1000}", "++", "&&", "--", "\\"],
];

Deno.test("`translatePerlRegex()` gives an expression that can be used, or one line that says why not", () => {
  const kept = corpus("regex");
  const random = randomNumbers(SEED + 2);
  // deno-lint-ignore no-control-regex
  const ascii = (text: string) => text.replace(/[^\x01-\x7f]|[\r\n]/g, "~");
  const make = () =>
    ascii(random() < 0.5 ? damaged(random, pick(random, kept), REGEX_PIECES) : heap(random, REGEX_PIECES));
  let taken = 0;
  roundsFrom(kept, make, (text) => {
    const result = translatePerlRegex(text);
    if (result.kind === "regex") {
      taken++;
      result.regex.test("INBOX");
      result.regex.test("\xe9\0");
    } else assert.ok(isPrintableLine(escapeControls(result.problem)) && result.problem.length < 200, result.problem);
  });
  assert.ok(taken > ROUNDS / 20 && taken < ROUNDS, `${taken} taken`);
});

const PROXY_PIECES = ["socks5://", "socks5h://", "hunter2", ":", "@", "[", "]", "[::1]", "::", "/", "%", "65536", "0"];

Deno.test("`parseProxy()` never says what a secret may be", () => {
  const kept = corpus("proxy");
  const random = randomNumbers(SEED + 3);
  const more = [...PROXY_PIECES, "socks", "h", "\xc5\xb5", " "];
  const make = () => random() < 0.5 ? damaged(random, pick(random, kept), more) : heap(random, more);
  roundsFrom(kept, make, (text) => {
    const result = parseProxy(fromUtf8Octets(text) ?? text, () => SERVICES);
    if (result.kind === "proxy") {
      const { host, port } = result.proxy;
      assert.ok(host !== "" && port >= 1 && port <= 65535, JSON.stringify(result));
      return;
    }
    assert.ok(isPrintableLine(result.expected), result.expected);
    // The name of the protocol is shown.
    if (!/^[a-z0-9]*hunter2[a-z0-9]*:/i.test(text)) assert.ok(!result.expected.includes(SECRET), result.expected);
  });
});

Deno.test("`parseListMailbox()` reads back every word that is written in quotes, and never more than there is", () => {
  const kept = corpus("list-mailbox");
  const random = randomNumbers(SEED + 4);
  const pieces = ['"', "\\", "\\x00", "\\x", "\\v", "*", "%", " ", "\t", "(", "a", '\\"', "\xff", "{"];
  const make = () => random() < 0.5 ? damaged(random, pick(random, kept), pieces) : heap(random, pieces);
  roundsFrom(kept, make, (text) => {
    const words = parseListMailbox(text);
    if (words === null) return;
    assert.ok(words.length > 0 && words.every((word) => word !== ""));
    assert.ok(words.join("").length <= text.length);
    const octet = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
    const written = words.map((word) => `"${[...word].map(octet).join("")}"`).join(" ");
    assert.deepEqual(parseListMailbox(written), words);
  });
});
