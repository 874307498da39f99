// What the rest of the program may use of the configuration.

export { loadConfig } from "./load.ts";
export { type Environment, fileError, visiblePath } from "./paths.ts";
export type { Config, Fingerprint, ProxyConfig, ServerConfig, TlsOptions } from "./types.ts";
