// The configuration as frozen values: what the rest of the program sees of the file.

export type ServerType = "imap" | "imaps" | "tunnel";

export interface TlsOptions {
  readonly verify: boolean;
  /** PEM file that replaces the system's certificates, or null. */
  readonly caFile: string | null;
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
  readonly tls: TlsOptions;
}

export interface Config {
  /** The file that was read. */
  readonly file: string;
  /** Absolute path of the state file. */
  readonly database: string;
  readonly local: ServerConfig;
  readonly remote: ServerConfig;
}
