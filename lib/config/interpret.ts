// Sections of an INI file -> the settings of both servers, or a ConfigError naming file, line and option. Pure: paths
// are not resolved here (load.ts does), and nobody is asked whether a host exists.
// Nothing is silently ignored: what has no effect is a warning, what cannot be done is an error.

import { asciiUpper, escapeControls, utf8Octets } from "../base/bytes.ts";
import { ConfigError } from "../errors.ts";
import { findService, parseHost, parsePort } from "./address.ts";
import { DEFAULT_SECTION, type IniEntry, type IniFile, type IniSection } from "./ini.ts";
import { parseListMailbox, parseSelectOptions } from "./mailbox_patterns.ts";
import { DEFAULT_HOST, DEFAULT_LOG_PREFIX, OPTIONS, type ServerName } from "./options.ts";
import { translatePerlRegex } from "./perl_regex.ts";
import { parseProxy } from "./proxy.ts";
import {
  at,
  invalidOption,
  invalidValue,
  isYes,
  rawValue,
  type ServerOptions,
  unicode,
  writtenEntry,
  writtenText,
} from "./section.ts";
import { NO_TLS, tlsOptions } from "./tls_options.ts";
import type { Config, DeleteLimit, ProxyConfig, ServerConfig, ServerType } from "./types.ts";

/**
 * Sections for options that the original must not see: it ignores unknown sections, and dies of unknown options. Each adds
 * to the section that it is named after; the first to what stands above all sections.
 */
const EXTRA_SECTION = "extra";
const EXTRA_SERVER_SECTIONS: readonly string[] = ["extra.local", "extra.remote"];

/** Each of a tunnel's is another process, or another login at a far machine. */
const TUNNEL_CONNECTIONS = 1;
const NETWORK_CONNECTIONS = 4;

/** The port of a tunnel, which has none. */
const NO_PORT = 0;

/** What the file says, before paths are resolved. */
export interface Settings extends ListSettings, LogSettings, Pick<Config, "maxDeletes" | "fullCheckDays"> {
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

/** Which mailboxes are listed. */
type ListSettings = Pick<Config, "listMailbox" | "listSelectOptions" | "ignoreMailbox">;

/** Where the log goes and how it looks. */
type LogSettings = Pick<Config, "logFile" | "logPrefix">;

/**
 * Validates all sections and builds the settings.
 * @param file the file's name for messages, one character per octet
 * @param services gives the text of /etc/services; asked for only when a port is a name
 * @throws ConfigError for the first thing that is wrong
 */
export function interpret(ini: IniFile, file: string, services: () => string): Settings {
  const warnings: string[] = [];
  for (const section of ini.values()) checkSection(section, file, warnings);
  const inherited = withExtra(ini.get(DEFAULT_SECTION), ini.get(EXTRA_SECTION), file);
  const local: ServerOptions = { server: "local", file, inherited, section: serverSection(ini, "local", file) };
  const remote: ServerOptions = { server: "remote", file, inherited, section: serverSection(ini, "remote", file) };
  const database = inherited.get("database");
  const remoteHost = writtenText(remote, "host");
  return {
    database: database === undefined ? null : unicode(database, file),
    defaultDatabase: {
      name: `${remoteHost ?? writtenText(local, "host") ?? DEFAULT_HOST}.db`,
      originalName: `${remoteHost ?? DEFAULT_HOST}.db`,
    },
    local: buildServer(local, services, warnings),
    remote: buildServer(remote, services, warnings),
    ...listSettings(inherited, file),
    ...logSettings(inherited, file),
    maxDeletes: deleteLimit(inherited.get("max-deletes")),
    fullCheckDays: days(inherited.get("full-check")?.value ?? OPTIONS.get("full-check")?.default.local ?? "never"),
    warnings,
  };
}

function checkSection(section: IniSection, file: string, warnings: string[]): void {
  const name = escapeControls(section.name);
  const isExtraServer = EXTRA_SERVER_SECTIONS.includes(section.name);
  const isExtra = isExtraServer || section.name === EXTRA_SECTION;
  if (!isExtra && section.name !== DEFAULT_SECTION && section.name !== "local" && section.name !== "remote") {
    warnings.push(`${file}:${section.line}: Section [${name}] is unknown, it has no effect`);
    return;
  }
  for (const entry of section.entries.values()) {
    const spec = OPTIONS.get(entry.key);
    if ((isExtra && spec?.extra !== true) || (isExtraServer && spec?.scope !== "server")) {
      throw invalidOption(entry, file, `[${name}] has no such option`);
    }
    if (spec === undefined) throw invalidOption(entry, file, "there is no such option");
    if (!spec.accepts(entry.value)) throw invalidValue(entry, file, `expected ${spec.expected}`);
    if (spec.secret && entry.commented) {
      // As in the original; but half a password or command is a riddle to who does not know.
      warnings.push(`${at(entry, file)}: The value of option ${entry.key} ends before " ;", which begins a comment`);
    }
    if (spec.scope === "global" && !isExtra && section.name !== DEFAULT_SECTION) {
      warnings.push(`${at(entry, file)}: Option ${entry.key} has no effect in [${name}], put it above all sections`);
    }
  }
}

/** What stands in a section and in the one that adds to it. */
function withExtra(
  usual: IniSection | undefined,
  extra: IniSection | undefined,
  file: string,
): ReadonlyMap<string, IniEntry> {
  for (const entry of extra?.entries.values() ?? []) {
    const other = usual?.entries.get(entry.key);
    if (other !== undefined) throw invalidOption(entry, file, `it stands in line ${other.line} already`);
  }
  return new Map([...(usual?.entries ?? []), ...(extra?.entries ?? [])]);
}

/** Null: not configured. */
function deleteLimit(entry: IniEntry | undefined): DeleteLimit | null {
  if (entry === undefined) return null;
  const { value } = entry;
  if (value === "none") return { count: null, percent: null };
  const number = Number.parseInt(value, 10);
  return value.endsWith("%") ? { count: null, percent: number } : { count: number, percent: null };
}

/** Null: never. */
function days(value: string): number | null {
  const number = value === "never" ? 0 : Number.parseInt(value, 10);
  return number === 0 ? null : number;
}

function serverSection(ini: IniFile, name: ServerName, file: string): IniSection {
  const section = ini.get(name);
  if (section === undefined) throw new ConfigError(`${file}: No such section ${name}: add [${name}]`);
  return { ...section, entries: withExtra(section, ini.get(`${EXTRA_SECTION}.${name}`), file) };
}

function listSettings(entries: ReadonlyMap<string, IniEntry>, file: string): ListSettings {
  const patterns = entries.get("list-mailbox");
  const listMailbox = patterns === undefined ? null : parseListMailbox(patterns.value);
  if (patterns !== undefined && listMailbox === null) {
    const reason = 'expected bare words and "quoted words" with blanks between them';
    const shown = escapeControls(patterns.value);
    throw new ConfigError(`${at(patterns, file)}: Invalid value for list-mailbox: ${shown}: ${reason}`);
  }
  const selection = entries.get("list-select-opts");
  const { options, problem } = parseSelectOptions(selection?.value ?? "");
  if (selection !== undefined && problem !== null) throw invalidValue(selection, file, problem);
  const ignored = entries.get("ignore-mailbox");
  return {
    listMailbox,
    listSelectOptions: options,
    ignoreMailbox: ignored === undefined ? null : regex(ignored, file),
  };
}

function regex(entry: IniEntry, file: string): RegExp {
  const result = translatePerlRegex(entry.value);
  if (result.kind === "regex") return result.regex;
  throw new ConfigError(`${at(entry, file)}: Invalid option ${entry.key}: ${escapeControls(result.problem)}`);
}

function logSettings(entries: ReadonlyMap<string, IniEntry>, file: string): LogSettings {
  const logFile = entries.get("logfile");
  return {
    logFile: logFile === undefined ? null : unicode(logFile, file),
    logPrefix: entries.get("log-prefix")?.value ?? DEFAULT_LOG_PREFIX,
  };
}

function buildServer(options: ServerOptions, services: () => string, warnings: string[]): ServerConfig {
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
    command,
    nullStderr: isYes(options, "null-stderr"),
    startTls: isYes(options, "STARTTLS"),
    auth: asciiUpper(rawValue(options, "auth") ?? "").split(" "),
    username: rawValue(options, "username"),
    password: rawValue(options, "password"),
    compress: isYes(options, "compress"),
    connections: connections(options, type),
    listReference: rawValue(options, "list-reference") ?? "",
    ...(type === "tunnel"
      ? { host: writtenText(options, "host") ?? DEFAULT_HOST, port: NO_PORT, proxy: null, tls: NO_TLS }
      : {
        host: networkHost(options),
        port: networkPort(options, type, services),
        proxy: networkProxy(options, services),
        tls: tlsOptions(options, warnings),
      }),
  };
}

function serverType(options: ServerOptions): ServerType {
  const value = rawValue(options, "type");
  return value === "imap" || value === "tunnel" ? value : "imaps";
}

function connections(options: ServerOptions, type: ServerType): number {
  const written = rawValue(options, "connections");
  if (written !== null) return Number.parseInt(written, 10);
  return type === "tunnel" ? TUNNEL_CONNECTIONS : NETWORK_CONNECTIONS;
}

function networkHost(options: ServerOptions): string {
  const host = parseHost(writtenText(options, "host") ?? DEFAULT_HOST);
  if (host.kind === "host") return host.host;
  const entry = writtenEntry(options, "host");
  const place = entry === null ? options.file : at(entry, options.file);
  throw new ConfigError(`${place}: Invalid IP literal: ${escapeControls(utf8Octets(host.text))}`);
}

function networkPort(options: ServerOptions, type: "imap" | "imaps", services: () => string): number {
  const entry = writtenEntry(options, "port");
  if (entry === null) return type === "imaps" ? 993 : 143;
  const port = parsePort(entry.value);
  if (port === null) throw invalidValue(entry, options.file, "expected a number from 1 to 65535");
  if (port !== "name") return port;
  const found = findService(services(), entry.value);
  if (found === null) {
    throw invalidValue(entry, options.file, "there is no TCP service of that name in /etc/services: write its number");
  }
  return found;
}

function networkProxy(options: ServerOptions, services: () => string): ProxyConfig | null {
  const entry = writtenEntry(options, "proxy");
  if (entry === null) return null;
  const result = parseProxy(unicode(entry, options.file), services);
  if (result.kind === "proxy") return result.proxy;
  throw invalidValue(entry, options.file, result.expected);
}
