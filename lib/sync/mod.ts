// The door of lib/sync: one run over two sessions and a store.

export { type RunContext, runOnce, type RunReport } from "./engine.ts";
