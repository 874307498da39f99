// The rules of this code base as data: who may import whom, who may touch what the runtime offers, how long things
// may be. tests/architecture_test.ts and tests/lint_plugin.ts apply them; nothing is decided there.

/** A set of files, named by paths (a folder ends with "/"), and the layers that they may import. */
export interface Layer {
  readonly name: string;
  readonly paths: readonly string[];
  /** Names of layers; a layer may always import itself. */
  readonly imports: readonly string[] | "everything";
}

/** Every file belongs to the first layer that names it. */
export const LAYERS: readonly Layer[] = [
  { name: "errors", paths: ["lib/errors.ts"], imports: [] },
  { name: "base", paths: ["lib/base/"], imports: [] },
  { name: "protocol", paths: ["lib/protocol/"], imports: ["base", "errors"] },

  { name: "transport types", paths: ["lib/transport/types.ts"], imports: [] },
  { name: "log types", paths: ["lib/log/types.ts"], imports: [] },
  { name: "log", paths: ["lib/log/"], imports: ["log types", "transport types", "base", "errors"] },

  { name: "config types", paths: ["lib/config/types.ts"], imports: [] },
  { name: "config", paths: ["lib/config/"], imports: ["config types", "log types", "base", "errors"] },
  {
    name: "transport",
    paths: ["lib/transport/"],
    imports: ["transport types", "config types", "log types", "base", "errors"],
  },

  { name: "client", paths: ["lib/client/"], imports: ["protocol", "transport types", "log types", "base", "errors"] },

  { name: "state types", paths: ["lib/state/types.ts"], imports: ["protocol"] },
  { name: "state", paths: ["lib/state/"], imports: ["state types", "protocol", "log types", "base", "errors"] },

  // The files of lib/sync that act. Every other one there decides, and is pure.
  {
    name: "sync effects",
    paths: [
      "lib/sync/adopt.ts",
      "lib/sync/append_queue.ts",
      "lib/sync/agreed_stores.ts",
      "lib/sync/both_sides.ts",
      "lib/sync/candidates.ts",
      "lib/sync/carry_out.ts",
      "lib/sync/common_fate.ts",
      "lib/sync/copy.ts",
      "lib/sync/copy_across.ts",
      "lib/sync/copy_sink.ts",
      "lib/sync/early_look.ts",
      "lib/sync/foreseen_looks.ts",
      "lib/sync/known.ts",
      "lib/sync/engine.ts",
      "lib/sync/evidence.ts",
      "lib/sync/execute.ts",
      "lib/sync/fetch_existing.ts",
      "lib/sync/flag_listing.ts",
      "lib/sync/foresight.ts",
      "lib/sync/full_listing.ts",
      "lib/sync/lane.ts",
      "lib/sync/lanes.ts",
      "lib/sync/leaving.ts",
      "lib/sync/listing.ts",
      "lib/sync/look.ts",
      "lib/sync/mailbox.ts",
      "lib/sync/mailbox_commands.ts",
      "lib/sync/mailbox_context.ts",
      "lib/sync/mailbox_run.ts",
      "lib/sync/mailbox_session.ts",
      "lib/sync/mailboxes.ts",
      "lib/sync/mod.ts",
      "lib/sync/news.ts",
      "lib/sync/observe.ts",
      "lib/sync/one_way.ts",
      "lib/sync/poor_copies.ts",
      "lib/sync/recovery.ts",
      "lib/sync/repair.ts",
      "lib/sync/repair_lone.ts",
      "lib/sync/run_brake.ts",
      "lib/sync/seat.ts",
      "lib/sync/sight.ts",
      "lib/sync/slabs.ts",
      "lib/sync/watcher.ts",
      "lib/sync/worker.ts",
    ],
    imports: ["sync decisions", "client", "state types", "protocol", "log types", "base", "errors"],
  },
  { name: "sync decisions", paths: ["lib/sync/"], imports: ["state types", "protocol", "base", "errors"] },

  { name: "cli", paths: ["lib/cli/"], imports: "everything" },
  { name: "main", paths: ["main.ts"], imports: "everything" },
];

/** Layers without time: nothing in them is async or waits. */
export const SYNCHRONOUS_LAYERS: readonly string[] = ["protocol", "state", "sync decisions"];

/** Modules from outside that lib/ may import, and where. No other is. */
export const OUTSIDE_MODULES: Readonly<Record<string, readonly string[]>> = {
  "node:sqlite": ["lib/state/"],
  "node:tls": ["lib/transport/"],
  "node:net": ["lib/transport/"],
  "node:zlib": ["lib/transport/"],
  "node:stream": ["lib/transport/"],
  "node:buffer": ["lib/transport/"],
  "node:dns/promises": ["lib/transport/"],
  "node:crypto": ["lib/transport/"],
  "socks": ["lib/transport/"],
};

/** What the runtime offers under a global name, and which files of lib/ and main.ts may use it. */
export const RUNTIME_NAMES: Readonly<Record<string, readonly string[]>> = {
  "Deno": [
    "main.ts",
    "lib/transport/",
    "lib/config/paths.ts",
    "lib/config/load.ts",
    "lib/log/log_file.ts",
    "lib/log/logger.ts",
    "lib/state/consent_file.ts",
    "lib/state/database.ts",
    "lib/cli/signals.ts",
    "lib/base/clock.ts",
  ],
  "console": ["lib/log/logger.ts"],
  "Date.now": ["lib/base/clock.ts"],
  "new Date()": ["lib/base/clock.ts"],
  "setTimeout": ["lib/base/clock.ts"],
  "setInterval": ["lib/base/clock.ts"],
  "performance": ["lib/base/clock.ts"],
  "AbortSignal.timeout": ["lib/base/clock.ts"],
  "Math.random": ["lib/base/clock.ts"],
  "crypto": ["lib/base/fingerprint.ts", "lib/transport/"],
  "fetch": [],
  "globalThis": [],
  "process": [],
};

/** Lines of a file, and of a function, of lib/, main.ts and scripts/. */
export const MAX_FILE_LINES = 500;
export const MAX_FUNCTION_LINES = 80;

/** Whether one of `paths` names the file. */
export function isAmong(file: string, paths: readonly string[]): boolean {
  return paths.some((path) => path.endsWith("/") ? file.startsWith(path) : file === path);
}

/** The layer of a file of lib/ or main.ts; null for every other file. */
export function layerOf(file: string): Layer | null {
  return LAYERS.find((layer) => isAmong(file, layer.paths)) ?? null;
}

/** Whether the rules about the program's own code apply to the file. */
export function isProgram(file: string): boolean {
  return file.startsWith("lib/") || file === "main.ts";
}
