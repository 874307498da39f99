// How a tunnel's `command` is run: by the shell, or split into words as Perl's `exec STRING` does, which is what
// existing configurations were written for. Pure: it starts nothing and looks nothing up.

import { utf8Octets } from "../base/bytes.ts";

/** The characters that make Perl hand a command to the shell. */
const SHELL_CHARACTERS = /[$&*(){}[\]'";\\|?<>~`\n]/;

/** What else only a shell understands: `exec cmd`, `. file`, `NAME=value cmd`. */
const SHELL_START = /^(?:exec\s|\.\s|\S*=)/;

/** The env(1) that is asked to block SIGINT when it is known to be able to. */
export const ENV_PROGRAM = "/usr/bin/env";

const BLOCK_SIGINT = "--block-signal=INT"; // GNU coreutils 8.31 and later

/** Runs its arguments with SIGINT blocked where env can do that, ignored elsewhere. */
const GUARD_SCRIPT = `trap '' INT
if env ${BLOCK_SIGINT} -- true 2>/dev/null; then exec env ${BLOCK_SIGINT} -- "$@"; fi
exec "$@"`;

/** A command ready to be run. */
export interface CommandLine {
  /** The first word, all that may be shown of a command: the rest may hold secrets. One line, one character per octet. */
  readonly name: string;
  /** True when `words` is `/bin/sh -c COMMAND`. */
  readonly shell: boolean;
  /** Program and arguments, at least one. */
  readonly words: readonly [string, ...string[]];
}

/** Decides how `command` is run; null when it has no word. */
export function parseCommand(command: string): CommandLine | null {
  const line = command.trim();
  const [program, ...args] = line.split(/\s+/);
  if (program === undefined || program === "") return null;
  const name = displayName(program);
  return SHELL_CHARACTERS.test(line) || SHELL_START.test(line)
    ? { name, shell: true, words: ["/bin/sh", "-c", line] }
    : { name, shell: false, words: [program, ...args] };
}

/**
 * Program and arguments that run `words` deaf to SIGINT: Ctrl-C goes to every process of the terminal, but the tunnel
 * must live until our own end has been recorded. Ignoring the signal is not enough for a program that sets a handler
 * (Dovecot 2.3 imap does, and leaves), so it is blocked. A process group or session of its own would also do, but ssh
 * could no longer ask for a passphrase. `envBlocks`: ENV_PROGRAM is known to block signals, which saves two processes.
 */
export function guarded(words: readonly string[], envBlocks: boolean): [program: string, args: string[]] {
  if (envBlocks) return [ENV_PROGRAM, [BLOCK_SIGINT, "--", ...words]];
  return ["/bin/sh", ["-c", GUARD_SCRIPT, "interimap-tunnel", ...words]];
}

/** Whether the env program with this content has the option, which costs less to look for than to try. */
export function envBlocksSignals(program: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(program).includes("block-signal");
}

/** The first word without control characters; the value of an assignment may be a password and is left out. */
function displayName(word: string): string {
  // deno-lint-ignore no-control-regex
  return utf8Octets(word.replace(/=.*$/s, "=...").replace(/[\x00-\x1f\x7f]/g, "?"));
}
