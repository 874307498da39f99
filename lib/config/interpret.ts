// Sections of an INI file -> the settings of both servers, or a ConfigError naming file, line and option. Pure: paths
// are not resolved here (load.ts does), and nobody is asked whether a host exists.
// Nothing is silently ignored: what has no effect is a warning, what this version cannot do yet is an error.

import { asciiUpper, escapeControls, fromUtf8Octets } from "../base/bytes.ts";
import { ConfigError } from "../errors.ts";
import { DEFAULT_SECTION, type IniEntry, type IniFile, type IniSection } from "./ini.ts";
import { DEFAULT_HOST, isSupported, OPTIONS, type OptionSpec, type ServerName } from "./options.ts";
import type { ServerConfig, ServerType } from "./types.ts";

/** Reserved for options that the original must not see (it ignores unknown sections). None exists so far. */
const EXTRA_SECTIONS: readonly string[] = ["extra", "extra.local", "extra.remote"];

/** The port of a tunnel, which has none. */
const NO_PORT = 0;

/** What the file says, before paths are resolved. */
export interface Settings {
  /** The option `database` as written, relative or absolute; null when it is missing. */
  readonly database: string | null;
  readonly defaultDatabase: DefaultDatabase;
  readonly local: ServerConfig;
  readonly remote: ServerConfig;
  /** What stands in the file without effect, one line each, one character per octet. */
  readonly warnings: readonly string[];
}

/** Names of the state file for when the option `database` is missing. */
export interface DefaultDatabase {
  /** By the manual: the remote host, else the local host, else localhost. */
  readonly name: string;
  /** By the original, which never looks at the local host. */
  readonly originalName: string;
}

/** The options of one server: its own section, and behind it the default section. */
interface ServerOptions {
  readonly server: ServerName;
  readonly file: string;
  readonly section: IniSection;
  readonly inherited: ReadonlyMap<string, IniEntry>;
}

/**
 * Validates all sections and builds the settings.
 * @param file the file's name for messages, one character per octet
 * @throws ConfigError for the first thing that is wrong
 */
export function interpret(ini: IniFile, file: string): Settings {
  const warnings: string[] = [];
  for (const section of ini.values()) checkSection(section, file, warnings);
  const inherited: ReadonlyMap<string, IniEntry> = ini.get(DEFAULT_SECTION)?.entries ?? new Map();
  const local: ServerOptions = { server: "local", file, inherited, section: requireSection(ini, "local", file) };
  const remote: ServerOptions = { server: "remote", file, inherited, section: requireSection(ini, "remote", file) };
  const database = inherited.get("database");
  const remoteHost = writtenText(remote, "host");
  return {
    database: database === undefined ? null : unicode(database, file),
    defaultDatabase: {
      name: `${remoteHost ?? writtenText(local, "host") ?? DEFAULT_HOST}.db`,
      originalName: `${remoteHost ?? DEFAULT_HOST}.db`,
    },
    local: buildServer(local),
    remote: buildServer(remote),
    warnings,
  };
}

function checkSection(section: IniSection, file: string, warnings: string[]): void {
  const name = escapeControls(section.name);
  if (EXTRA_SECTIONS.includes(section.name)) {
    for (const entry of section.entries.values()) throw invalidOption(entry, file, `no option of [${name}] is known`);
    return;
  }
  if (section.name !== DEFAULT_SECTION && section.name !== "local" && section.name !== "remote") {
    warnings.push(`${file}:${section.line}: Section [${name}] is unknown, it has no effect`);
    return;
  }
  for (const entry of section.entries.values()) {
    const spec = OPTIONS.get(entry.key);
    if (spec === undefined) throw invalidOption(entry, file, "there is no such option");
    if (!spec.accepts(entry.value)) throw invalidValue(entry, file, spec);
    if (spec.scope === "global" && section.name !== DEFAULT_SECTION) {
      warnings.push(`${at(entry, file)}: Option ${entry.key} has no effect in [${name}], put it above all sections`);
    } else if (!isSupported(spec, entry.value)) {
      throw new ConfigError(`${at(entry, file)}: Option ${entry.key} is not supported yet`);
    }
  }
}

function requireSection(ini: IniFile, name: ServerName, file: string): IniSection {
  const section = ini.get(name);
  if (section === undefined) throw new ConfigError(`${file}: No such section ${name}: add [${name}]`);
  return section;
}

function buildServer(options: ServerOptions): ServerConfig {
  const type = serverType(options);
  const command = writtenText(options, "command");
  if (type === "tunnel" && command === null) {
    const { file, section } = options;
    throw new ConfigError(
      `${file}:${section.line}: Missing tunnel command: add the option command to [${section.name}]`,
    );
  }
  return {
    type,
    host: type === "tunnel" ? writtenText(options, "host") ?? DEFAULT_HOST : networkHost(options),
    port: type === "tunnel" ? NO_PORT : networkPort(options, type),
    command,
    nullStderr: isYes(options, "null-stderr"),
    startTls: isYes(options, "STARTTLS"),
    auth: asciiUpper(rawValue(options, "auth") ?? "").split(" "),
    username: rawValue(options, "username"),
    password: rawValue(options, "password"),
    compress: isYes(options, "compress"),
    tls: { verify: isYes(options, "SSL_verify"), caFile: writtenText(options, "SSL_CAfile") },
  };
}

function serverType(options: ServerOptions): ServerType {
  const value = rawValue(options, "type");
  return value === "imap" || value === "tunnel" ? value : "imaps";
}

function networkHost(options: ServerOptions): string {
  const entry = writtenEntry(options, "host");
  if (entry !== null && entry.value.startsWith("[")) {
    throw new ConfigError(
      `${at(entry, options.file)}: Option host in square brackets is not supported yet: write the address without them`,
    );
  }
  return writtenText(options, "host") ?? DEFAULT_HOST;
}

function networkPort(options: ServerOptions, type: "imap" | "imaps"): number {
  const entry = writtenEntry(options, "port");
  if (entry === null) return type === "imaps" ? 993 : 143;
  if (!/^[0-9]+$/.test(entry.value)) {
    throw new ConfigError(
      `${at(entry, options.file)}: Option port with the name of a service is not supported yet: write its number`,
    );
  }
  const port = Number(entry.value);
  if (port < 1 || port > 65535) {
    throw invalidValue(entry, options.file, { secret: false, expected: "a number from 1 to 65535" });
  }
  return port;
}

/** The line that gives an option to a server, or null when only the built-in default does. */
function writtenEntry(options: ServerOptions, name: string): IniEntry | null {
  return options.section.entries.get(name) ?? options.inherited.get(name) ?? null;
}

function rawValue(options: ServerOptions, name: string): string | null {
  return writtenEntry(options, name)?.value ?? OPTIONS.get(name)?.default[options.server] ?? null;
}

function writtenText(options: ServerOptions, name: string): string | null {
  const entry = writtenEntry(options, name);
  return entry === null ? null : unicode(entry, options.file);
}

function isYes(options: ServerOptions, name: string): boolean {
  return asciiUpper(rawValue(options, name) ?? "") === "YES";
}

/** What is handed to the system (paths, commands, host names) leaves this program as UTF-8. */
function unicode(entry: IniEntry, file: string): string {
  const text = fromUtf8Octets(entry.value);
  if (text === null) throw new ConfigError(`${at(entry, file)}: The value of option ${entry.key} is not valid UTF-8`);
  return text;
}

function invalidOption(entry: IniEntry, file: string, reason: string): ConfigError {
  return new ConfigError(`${at(entry, file)}: Invalid option ${escapeControls(entry.key)}: ${reason}`);
}

function invalidValue(entry: IniEntry, file: string, spec: Pick<OptionSpec, "secret" | "expected">): ConfigError {
  const shown = spec.secret ? "" : ` = ${escapeControls(entry.value)}`;
  return new ConfigError(`${at(entry, file)}: Invalid option ${entry.key}${shown}: expected ${spec.expected}`);
}

function at(entry: IniEntry, file: string): string {
  return `${file}:${entry.line}`;
}
