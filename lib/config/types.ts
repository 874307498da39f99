// The configuration as frozen values: what the rest of the program sees of the file.

export type ServerType = "imap" | "imaps" | "tunnel";

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** A digest of a SubjectPublicKeyInfo that is accepted. */
export interface Fingerprint {
  /** Name of the digest, lower case: "sha256". */
  readonly algorithm: string;
  /** Hex digits, lower case. */
  readonly digest: string;
}

export interface TlsOptions {
  readonly verify: boolean;
  /** PEM file that replaces the system's certificates, or null. */
  readonly caFile: string | null;
  /** Directory of hashed certificates that replaces the system's, or null. */
  readonly caPath: string | null;
  /** One of these has to match the server's key; empty: none is asked for. */
  readonly fingerprints: readonly Fingerprint[];
  /** Name for SNI; null: the host unless it is an address; "": no SNI. */
  readonly serverName: string | null;
  readonly minVersion: TlsVersion | null;
  readonly maxVersion: TlsVersion | null;
  /** OpenSSL names, as written; null: the runtime's. */
  readonly cipherList: readonly string[] | null;
  readonly cipherSuites: readonly string[] | null;
}

/** A SOCKS 5 proxy. */
export interface ProxyConfig {
  /** Whether the proxy resolves the host (socks5h) or we do (socks5). */
  readonly resolve: "here" | "there";
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly user: string; readonly password: string } | null;
}

/** One of the sections [local] and [remote], with the default section's values inherited. */
export interface ServerConfig {
  readonly type: ServerType;
  readonly host: string;
  readonly port: number;
  readonly command: string | null;
  readonly nullStderr: boolean;
  readonly startTls: boolean;
  /** Mechanisms in order of preference, upper case. */
  readonly auth: readonly string[];
  readonly username: string | null;
  readonly password: string | null;
  readonly compress: boolean;
  /** How many connections a run may have at once; 1 at least. */
  readonly connections: number;
  readonly tls: TlsOptions;
  readonly proxy: ProxyConfig | null;
  /** Prefix of every name on this server, with NUL for its delimiter where the user wrote one; mostly "". */
  readonly listReference: string;
}

/** How many messages of one mailbox one run may delete on one side. */
export interface DeleteLimit {
  /** null: any number. */
  readonly count: number | null;
  /** Of the mailbox's messages, where they are more than a few; null: any share. */
  readonly percent: number | null;
}

export interface Config {
  /** The file that was read. */
  readonly file: string;
  /** Absolute path of the state file. */
  readonly database: string;
  readonly local: ServerConfig;
  readonly remote: ServerConfig;
  /** Patterns of LIST with NUL for the delimiter; null: everything. */
  readonly listMailbox: readonly string[] | null;
  /** Selection options of LIST (RFC 5258), upper case. */
  readonly listSelectOptions: readonly string[];
  /** Matched against internal names (delimiter as NUL); null: nothing is ignored. */
  readonly ignoreMailbox: RegExp | null;
  /** null: the default. */
  readonly maxDeletes: DeleteLimit | null;
  /** Every message is compared with its copy after so many days; null: never. */
  readonly fullCheckDays: number | null;
  readonly logFile: string | null;
  readonly logPrefix: string;
}
