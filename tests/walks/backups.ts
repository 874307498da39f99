// The state of a random walk, of which a backup can be made and brought back, and which can be lost; in memory or as a
// file. Between runs only, as users do it.

import { MemoryStore } from "../support/memory_store.ts";
import type { StateHome } from "../support/model_rig.ts";
import type { StateFile } from "../support/state_file.ts";

export interface Backups extends StateHome {
  /** Keeps the state as it is now. */
  save(): void;
  /** Brings back what was kept last; false: nothing was. */
  restore(): boolean;
  /** The next run begins without state. */
  lose(): void;
}

export function memoryBackups(): Backups {
  let now = new MemoryStore();
  let kept: MemoryStore | null = null;
  return {
    open: () => now,
    close: () => {},
    save: () => void (kept = now.copy()),
    restore: () => {
      if (kept === null) return false;
      now = kept.copy();
      return true;
    },
    lose: () => void (now = new MemoryStore()),
  };
}

export function fileBackups(file: StateFile): Backups {
  const kept = `${file.path}.kept`;
  return {
    open: (delimiters) => file.store(delimiters),
    close: () => file.close(),
    save: () => void copyFile(file.path, kept),
    restore: () => copyFile(kept, file.path),
    lose: () => remove(file.path),
  };
}

/** False: there is none. */
function copyFile(from: string, to: string): boolean {
  try {
    // A new file: copying over the old one would wait for the disk on some file systems.
    Deno.writeFileSync(`${to}.new`, Deno.readFileSync(from));
    Deno.renameSync(`${to}.new`, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
