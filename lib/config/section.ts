// One server's view of the configuration file: its own section, behind it the default section, behind that the
// built-in defaults; and the wording of what is wrong with a line. Knows no option's meaning.

import { asciiUpper, escapeControls, fromUtf8Octets } from "../base/bytes.ts";
import { ConfigError } from "../errors.ts";
import type { IniEntry, IniSection } from "./ini.ts";
import { OPTIONS, type OptionSpec, type ServerName } from "./options.ts";

/** The options of one server: its own section, and behind it the default section. */
export interface ServerOptions {
  readonly server: ServerName;
  /** The file's name for messages. */
  readonly file: string;
  readonly section: IniSection;
  readonly inherited: ReadonlyMap<string, IniEntry>;
}

/** The line that gives an option to a server, or null when only the built-in default does. */
export function writtenEntry(options: ServerOptions, name: string): IniEntry | null {
  return options.section.entries.get(name) ?? options.inherited.get(name) ?? null;
}

/** The value as octets, or the default; null when there is neither. */
export function rawValue(options: ServerOptions, name: string): string | null {
  return writtenEntry(options, name)?.value ?? OPTIONS.get(name)?.default[options.server] ?? null;
}

/** The value as text, or null when none is written. @throws ConfigError when it is not UTF-8 */
export function writtenText(options: ServerOptions, name: string): string | null {
  const entry = writtenEntry(options, name);
  return entry === null ? null : unicode(entry, options.file);
}

/** The value of an option that is YES or NO. */
export function isYes(options: ServerOptions, name: string): boolean {
  return asciiUpper(rawValue(options, name) ?? "") === "YES";
}

/** What is handed to the system (paths, commands, host names) leaves this program as UTF-8. @throws ConfigError */
export function unicode(entry: IniEntry, file: string): string {
  const text = fromUtf8Octets(entry.value);
  if (text === null) throw new ConfigError(`${at(entry, file)}: The value of option ${entry.key} is not valid UTF-8`);
  return text;
}

/** An option that must not stand where it stands. */
export function invalidOption(entry: IniEntry, file: string, reason: string): ConfigError {
  return new ConfigError(`${at(entry, file)}: Invalid option ${escapeControls(entry.key)}: ${reason}`);
}

/** A value that an option does not take; a secret one is not shown. */
export function invalidValue(entry: IniEntry, file: string, expected: string): ConfigError {
  const spec: OptionSpec | undefined = OPTIONS.get(entry.key);
  const shown = spec?.secret === true ? "" : ` = ${escapeControls(entry.value)}`;
  return new ConfigError(`${at(entry, file)}: Invalid option ${entry.key}${shown}: ${expected}`);
}

/** `FILE:LINE` */
export function at(entry: IniEntry, file: string): string {
  return `${file}:${entry.line}`;
}
