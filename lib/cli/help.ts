// The texts of --help, --version and usage errors, each with its final line feed. Where they go and which exit status
// follows is the caller's business: the usages belong on standard error, the version on standard output.

/** For a command line that cannot be understood. */
export const SHORT_USAGE = `Usage: interimap [OPTIONS] [COMMAND] [MAILBOX [..]]
Try 'interimap --help' or consult the manpage for more information.
`;

/** For --help. */
export const LONG_USAGE = `Usage: interimap [OPTIONS] [MAILBOX [..]]
  or: interimap [OPTIONS] --repair [MAILBOX [..]]
  or: interimap [OPTIONS] --delete MAILBOX [..]
  or: interimap [OPTIONS] --rename SOURCE DEST
Consult the manpage for more information.
`;

/**
 * For --version: a line that scripts may match, and one for bug reports.
 * @param version of this program, such as "1.0.0"
 * @param runtime what executes it, such as "Deno 2.9.6"
 */
export function versionText(version: string, runtime: string): string {
  return `interimap version ${version}\n(${runtime})\n`;
}
