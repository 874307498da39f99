// Where relative file names start: the XDG base directories, and what must be true of them. Creates the directory
// "interimap" inside (mode 0700). It knows nothing of what the files hold. XDG Base Directory Specification 0.8.

import { escapeControls, utf8Octets } from "../base/bytes.ts";
import { ConfigError } from "../errors.ts";

/** The environment variables that the location of files depends on; null when unset. */
export interface Environment {
  readonly HOME: string | null;
  readonly XDG_CONFIG_HOME: string | null;
  readonly XDG_DATA_HOME: string | null;
}

/** Which base directory a relative name starts from. */
export type BaseDirectory = "config" | "data";

const SUBDIRECTORY = "interimap";

const BASE_DIRECTORIES = {
  config: { variable: "XDG_CONFIG_HOME", fallback: ".config", createFallback: false },
  data: { variable: "XDG_DATA_HOME", fallback: ".local/share", createFallback: true },
} as const;

/**
 * The absolute path of `file`. A relative one starts in `interimap/` below the base directory, which must exist;
 * `interimap/` itself, and ~/.local/share, are created. An empty variable counts as unset.
 * @throws ConfigError when a directory is missing, not absolute, or cannot be created
 */
export function resolvePath(file: string, base: BaseDirectory, environment: Environment): string {
  // deno-lint-ignore no-control-regex
  if (file === "" || /[\x00-\x1f\x7f-\x9f]/.test(file)) {
    throw new ConfigError(`Unusable file name "${visiblePath(file)}": it is empty or contains control characters`);
  }
  if (file.startsWith("/")) return file;
  const directory = `${baseDirectory(base, environment)}/${SUBDIRECTORY}`;
  makeDirectory(directory);
  return `${directory}/${file}`;
}

function baseDirectory(base: BaseDirectory, environment: Environment): string {
  const { variable, fallback, createFallback } = BASE_DIRECTORIES[base];
  const chosen = environment[variable];
  if (chosen !== null && chosen !== "") {
    requireDirectory(chosen, variable);
    return withoutTrailingSlashes(chosen);
  }
  const home = environment.HOME;
  if (home === null || home === "") {
    throw new ConfigError(`Neither ${variable} nor HOME is set: set one, or give absolute paths`);
  }
  requireDirectory(home, "HOME");
  const directory = `${withoutTrailingSlashes(home)}/${fallback}`;
  if (createFallback) makeDirectory(directory);
  else requireDirectory(directory, variable);
  return directory;
}

function requireDirectory(directory: string, variable: string): void {
  if (!directory.startsWith("/")) {
    throw new ConfigError(`${variable} is not an absolute path: ${visiblePath(directory)}`);
  }
  if (!isDirectory(directory)) {
    throw new ConfigError(`No such directory: ${visiblePath(directory)} (create it, or set ${variable})`);
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw fileError(`Can't look at ${visiblePath(path)}`, path, error);
  }
}

function makeDirectory(path: string): void {
  if (isDirectory(path)) return;
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(`Couldn't create ${visiblePath(path)}`, path, error);
  }
}

function withoutTrailingSlashes(path: string): string {
  return path.replace(/\/+$/, "");
}

/** A path as text for messages: one character per octet, control characters made visible. */
export function visiblePath(path: string): string {
  return escapeControls(utf8Octets(path));
}

/** What could not be done, and why, in one line. */
export function fileError(attempt: string, path: string, error: unknown): ConfigError {
  return new ConfigError(`${attempt}: ${reason(path, error)}`, { cause: error });
}

function reason(path: string, error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return /^\/(?:dev|proc)(?:\/|$)/.test(path)
      ? "Deno opens files under /dev and /proc only with all permissions (--allow-all)"
      : "this run of Deno has no permission for it (--allow-read, --allow-write)";
  }
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotFound) return "no such file or directory";
  if (error instanceof Deno.errors.AlreadyExists) return "something else has that name";
  return escapeControls(utf8Octets(error instanceof Error ? error.message : String(error)));
}
