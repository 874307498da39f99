// Reads the configuration file and answers with frozen values: where it lies, what it says, where the state file is.
// The syntax is ini.ts, the meaning interpret.ts, the directories paths.ts; the state file is not opened here.

import { latin1 } from "../base/bytes.ts";
import { ConfigError } from "../errors.ts";
import { parseIni } from "./ini.ts";
import { interpret, type Settings } from "./interpret.ts";
import { type Environment, fileError, resolvePath, visiblePath } from "./paths.ts";
import type { Config, ServerConfig } from "./types.ts";

const DEFAULT_FILE = "config";

const SERVICES_FILE = "/etc/services";

/** A configuration, and what in its file has no effect (one line each, one character per octet). */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
}

/**
 * @param fileArgument the value of --config, or null; a relative one starts in $XDG_CONFIG_HOME/interimap
 * @throws ConfigError in one line
 */
export function loadConfig(fileArgument: string | null, environment: Environment): LoadedConfig {
  const file = resolvePath(fileArgument ?? DEFAULT_FILE, "config", environment);
  const settings = interpret(parseIni(readRegularFile(file), visiblePath(file)), visiblePath(file), readServices);
  const warnings = [...settings.warnings];
  const database = databasePath(settings, environment, warnings);
  const { listMailbox, listSelectOptions, ignoreMailbox, maxDeletes, fullCheckDays, logFile, logPrefix } = settings;
  const config = Object.freeze({
    file,
    database,
    local: frozen(settings.local),
    remote: frozen(settings.remote),
    listMailbox,
    listSelectOptions,
    ignoreMailbox,
    maxDeletes,
    fullCheckDays,
    logFile,
    logPrefix,
  });
  return { config, warnings };
}

/** The names of ports. A machine without the file knows none. */
function readServices(): string {
  try {
    return latin1(Deno.readFileSync(SERVICES_FILE));
  } catch {
    return "";
  }
}

function readRegularFile(path: string): Uint8Array {
  const shown = visiblePath(path);
  try {
    // A FIFO would block the read, a directory gives a riddle for an error.
    if (!Deno.statSync(path).isFile) throw new ConfigError(`Config file ${shown} is not a regular file`);
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new ConfigError(`No such config file ${shown}: create it, or name another with --config`, { cause: error });
    }
    throw fileError(`Can't read config file ${shown}`, path, error);
  }
}

function databasePath(settings: Settings, environment: Environment, warnings: string[]): string {
  if (settings.database !== null) return resolvePath(settings.database, "data", environment);
  const { name, originalName } = settings.defaultDatabase;
  const path = resolvePath(name, "data", environment);
  if (name === originalName || exists(path)) return path;
  const originalPath = resolvePath(originalName, "data", environment);
  if (!exists(originalPath)) return path;
  // Starting with an empty state file would copy every message of both servers to the other side once more.
  warnings.push(`Using ${visiblePath(originalPath)} as before: set the option database to keep it, or to name another`);
  return originalPath;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw fileError(`Can't look at ${visiblePath(path)}`, path, error);
  }
}

function frozen(server: ServerConfig): ServerConfig {
  return Object.freeze({ ...server, auth: Object.freeze([...server.auth]), tls: Object.freeze({ ...server.tls }) });
}
