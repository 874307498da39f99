// The programs that are compared: how each is configured for two servers on loopback, and started. Pure. All log in with
// AUTHENTICATE PLAIN, in clear text or by TLS from the first octet on, and compress what they send when that is asked.

import { ORIGINAL_COMMAND } from "../../tests/support/live/program.ts";
import type { Habits } from "./check.ts";

export const BENCH_PASSWORD = "bench";

/** Where a tool finds its servers, and may write. */
export interface Setting {
  /** Holds the configuration and the state, which is kept from run to run. */
  readonly directory: string;
  readonly local: Account;
  readonly remote: Account;
  readonly connection: Connection;
}

/** How both servers are connected to. */
export interface Connection {
  /** PEM files: the authority, and the certificate of both servers that it has signed; null: clear text. */
  readonly tls: { readonly authority: string; readonly certificate: string } | null;
  /** COMPRESS=DEFLATE. */
  readonly compress: boolean;
}

export interface Account {
  readonly user: string;
  readonly port: number;
}

export interface Tool {
  /** Also its heading in a table. */
  readonly name: string;
  readonly habits: Habits;
  /** The name of its configuration file below the directory, and the text. */
  readonly configure: (setting: Setting) => readonly [file: string, text: string];
  readonly command: (directory: string) => readonly string[];
  /** As `command`, to stay and be told of changes by NOTIFY; null: it cannot. */
  readonly watch: ((directory: string) => readonly string[]) | null;
  /** What makes the first synchronization when that is not what is measured; absent: the tool itself. */
  readonly preparedBy?: Tool;
  /** It connects in clear text, and compresses nothing. */
  readonly isPlain?: boolean;
}

const CHECKOUT = new URL("../../", import.meta.url).pathname;
const CONFIG = "config";

function interimapConfig({ directory, local, remote, connection }: Setting): readonly [string, string] {
  const { tls, compress } = connection;
  const section = ({ user, port }: Account) =>
    `host = 127.0.0.1
port = ${port}
${tls === null ? "type = imap\nSTARTTLS = NO" : `type = imaps\nSSL_CAfile = ${tls.authority}`}
username = ${user}
password = ${BENCH_PASSWORD}
compress = ${compress ? "YES" : "NO"}
`;
  return [CONFIG, `database = ${directory}/state.db\n[local]\n${section(local)}[remote]\n${section(remote)}`];
}

function mbsyncConfig({ directory, local, remote, connection }: Setting): readonly [string, string] {
  const { tls, compress } = connection;
  const account = (name: string, { user, port }: Account) =>
    `IMAPAccount ${name}
Host 127.0.0.1
Port ${port}
User ${user}
Pass ${BENCH_PASSWORD}
${tls === null ? "SSLType None" : `SSLType IMAPS\nCertificateFile ${tls.certificate}`}
AuthMechs PLAIN
Timeout 300
${compress ? "" : "DisableExtension COMPRESS=DEFLATE\n"}
IMAPStore ${name}
Account ${name}
UseNamespace no

`;
  return [
    CONFIG,
    `SyncState ${directory}/mbsync/
CopyArrivalDate yes
Create Both
Expunge Both
Sync All
BufferLimit 64M

${account("local", local)}${account("remote", remote)}Channel bench
Far :remote:
Near :local:
Patterns *
`,
  ];
}

function interimapTool(name: string, program: string): Tool {
  return {
    name,
    habits: { losesKeywords: false },
    configure: interimapConfig,
    command: (directory) => [program, `--config=${directory}/${CONFIG}`, "--quiet"],
    watch: (directory) => [program, `--config=${directory}/${CONFIG}`, "--quiet", "--watch", "--notify"],
  };
}

const OURS = interimapTool("ours", `${CHECKOUT}build/interimap`);

export const TOOLS: readonly Tool[] = [
  interimapTool("original", ORIGINAL_COMMAND),
  {
    name: "mbsync",
    habits: { losesKeywords: true },
    configure: mbsyncConfig,
    command: (directory) => ["/usr/bin/mbsync", "-c", `${directory}/${CONFIG}`, "-q", "-a"],
    watch: null,
  },
  OURS,
];

/** What limit.ts is told. */
export type LimitConfig = Pick<Setting, "local" | "remote">;

/** Not measured unless asked for: no synchronizer, but what the protocol would permit, see limit.ts. */
export const LIMIT: Tool = {
  name: "limit",
  habits: { losesKeywords: false },
  configure: ({ local, remote }) => [CONFIG, JSON.stringify({ local, remote })],
  command: (directory) => {
    const flags = ["--quiet", "--no-check", "--cached-only", "--no-config", "--allow-all"];
    return ["deno", "run", ...flags, `${CHECKOUT}scripts/bench/limit.ts`, directory];
  },
  watch: null,
  preparedBy: OURS,
  isPlain: true,
};
