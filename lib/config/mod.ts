// What the rest of the program may use of the configuration.

export { loadConfig, type LoadedConfig } from "./load.ts";
export { type Environment, fileError, visiblePath } from "./paths.ts";
export { DEFAULT_LOG_PREFIX } from "./options.ts";
export type { Config, Fingerprint, ProxyConfig, ServerConfig, ServerType, TlsOptions, TlsVersion } from "./types.ts";
