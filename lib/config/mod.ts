// What the rest of the program may use of the configuration.

export { loadConfig, type LoadedConfig } from "./load.ts";
export { type Environment } from "./paths.ts";
export type { Config, ServerConfig, ServerType, TlsOptions } from "./types.ts";
