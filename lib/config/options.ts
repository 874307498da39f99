// The table of configuration options: where each may stand, which values it takes, and its default.
// Pure; it knows nothing of files, and nothing of what a value means to the program.
// Values are octets, one character each. The rules are the original's, which looks at single octets, with one
// widening: a value that is valid UTF-8 is judged by its characters, so that "À" (C3 80) is no control character.

import { fromUtf8Octets } from "../base/bytes.ts";

/** "global": works above the first section only. "server": works in [local] and [remote], which inherit it. */
export type OptionScope = "global" | "server";

/** The two sections that describe a server. */
export type ServerName = "local" | "remote";

/** Which values an option takes. */
export interface ValueRule {
  readonly accepts: (value: string) => boolean;
  /** What a valid value is, for error texts. */
  readonly expected: string;
}

interface OptionTraits {
  readonly default?: string | Readonly<Record<ServerName, string>>;
  readonly secret?: boolean;
  readonly extra?: boolean;
}

/** One option of the configuration file. */
export interface OptionSpec extends ValueRule {
  readonly name: string;
  readonly scope: OptionScope;
  /** The value when none is given, or null when there is none or it depends on other options. */
  readonly default: Readonly<Record<ServerName, string | null>>;
  /** The value never appears in an error text. */
  readonly secret: boolean;
  /** The original does not know it: it may also stand in [extra] and its like, which the original ignores. */
  readonly extra: boolean;
}

/** The original's prefix of a log line: `local(INBOX): `, `local: ` or nothing. */
export const DEFAULT_LOG_PREFIX = "%?n?%?m?%n(%m)&%n?: ?";

/** The host when none is given; it also names the state file. */
export const DEFAULT_HOST = "localhost";

// RFC 3501 ATOM-CHAR as the original spells it, for use inside a character class.
const ATOM_CHAR = "!#$&'+-\\[^-z|-~";

const TEXT = textRule("+", "one or more characters, none of them a control character");
const TEXT_OR_EMPTY = textRule("*", "characters, none of them a control character");
const YES_OR_NO = rule(/^(?:YES|NO)$/i, "YES or NO");
const ASCII = rule(asciiExcept("\\0", "+"), "one or more ASCII characters");
const ASCII_LINE = rule(asciiExcept("\\0\\n\\r", "+"), "one or more ASCII characters");
const ASCII_LINE_OR_EMPTY = rule(asciiExcept("\\0\\n\\r", "*"), "ASCII characters");
const TYPE = rule(/^(?:imaps?|tunnel)$/, "imap, imaps or tunnel");
const MECHANISMS = rule(words(`[${ATOM_CHAR}]+`), "names of mechanisms, one space between them");
const SELECTORS = rule(new RegExp(`^[ ${ATOM_CHAR}]*$`), "names of selectors, separated by spaces");
const PROTOCOLS = rule(words("!?(?:SSLv[23]|TLSv1(?:\\.[0-3])?)"), "names of protocols such as !TLSv1.1");
const DELETE_LIMIT = rule(
  /^(?:[0-9]{1,10}|(?:[0-9]{1,2}|100)%|none)$/,
  "a number, a percentage from 0% to 100%, or none",
);
const DAYS = rule(/^(?:[0-9]{1,4}|never)$/, "a number of days, or never");
const CONNECTIONS = rule(/^(?:[1-9]|1[0-6])$/, "a number from 1 to 16");
const FINGERPRINTS = rule(words("(?:[A-Za-z0-9]+\\$)?[0-9A-Fa-f]+"), "[ALGORITHM$]HEX, without colons");

/** Every option, by its name. */
export const OPTIONS: ReadonlyMap<string, OptionSpec> = byName([
  option("database", "global", TEXT),
  option("logfile", "global", { ...TEXT, accepts: isAbsolutePath, expected: "an absolute path" }),
  option("log-prefix", "global", TEXT_OR_EMPTY),
  option("list-mailbox", "global", ASCII_LINE),
  option("list-select-opts", "global", SELECTORS),
  option("ignore-mailbox", "global", ASCII_LINE),
  option("max-deletes", "global", DELETE_LIMIT, { extra: true }),
  option("full-check", "global", DAYS, { default: "30", extra: true }),
  option("list-reference", "server", ASCII_LINE_OR_EMPTY, { default: "" }),
  option("type", "server", TYPE, { default: "imaps" }),
  option("host", "server", TEXT, { default: DEFAULT_HOST }),
  option("port", "server", TEXT),
  option("proxy", "server", TEXT, { secret: true }),
  option("STARTTLS", "server", YES_OR_NO, { default: "YES" }),
  option("username", "server", ASCII),
  option("password", "server", ASCII, { secret: true }),
  option("auth", "server", MECHANISMS, { default: "PLAIN LOGIN" }),
  option("command", "server", TEXT, { secret: true }),
  option("null-stderr", "server", YES_OR_NO, { default: "NO" }),
  option("compress", "server", YES_OR_NO, { default: { local: "NO", remote: "YES" } }),
  option("connections", "server", CONNECTIONS, { extra: true }),
  option("SSL_protocols", "server", PROTOCOLS),
  option("SSL_protocol_min", "server", TEXT),
  option("SSL_protocol_max", "server", TEXT),
  option("SSL_fingerprint", "server", FINGERPRINTS),
  option("SSL_cipherlist", "server", TEXT),
  option("SSL_ciphersuites", "server", TEXT_OR_EMPTY),
  option("SSL_hostname", "server", TEXT_OR_EMPTY),
  option("SSL_verify", "server", YES_OR_NO, { default: "YES" }),
  option("SSL_CApath", "server", TEXT),
  option("SSL_CAfile", "server", TEXT),
]);

function option(name: string, scope: OptionScope, valueRule: ValueRule, traits: OptionTraits = {}): OptionSpec {
  const { default: value = null, secret = false, extra = false } = traits;
  const perServer = value === null || typeof value === "string" ? { local: value, remote: value } : value;
  return { name, scope, ...valueRule, default: perServer, secret, extra };
}

function byName(specs: readonly OptionSpec[]): ReadonlyMap<string, OptionSpec> {
  return new Map(specs.map((spec) => [spec.name, spec]));
}

function rule(pattern: RegExp, expected: string): ValueRule {
  return { accepts: (value) => pattern.test(value), expected };
}

function textRule(quantifier: "+" | "*", expected: string): ValueRule {
  const pattern = new RegExp(`^[^\\x00-\\x1f\\x7f-\\x9f]${quantifier}$`);
  return { accepts: (value) => pattern.test(fromUtf8Octets(value) ?? value), expected };
}

function isAbsolutePath(value: string): boolean {
  // One character at least must follow the slash: "/" alone is no log file.
  return value.startsWith("/") && TEXT.accepts(value.slice(1));
}

function asciiExcept(excluded: string, quantifier: "+" | "*"): RegExp {
  return new RegExp(`^(?:(?![${excluded}])[\\x00-\\x7f])${quantifier}$`);
}

function words(word: string): RegExp {
  return new RegExp(`^${word}(?: ${word})*$`);
}
