// Whether a process waits: all its threads sleep, and none has run between two looks. That is so on a machine however
// slow or busy, for a thread that wants to run and may not is not asleep. Reads /proc, so it needs --allow-all.

/** How long the process is watched until it counts as waiting; a timer of the program that is shorter is waited for. */
const LOOKS = 3;
const BETWEEN_LOOKS_MS = 4;

/** How often its threads went to sleep or were interrupted, together; null: one of them is not asleep. */
async function switchesOfSleeper(pid: number): Promise<number | null> {
  let switches = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const status = await Deno.readTextFile(`/proc/${pid}/task/${name}/status`).catch(() => null);
    // It ended while we looked.
    if (status === null) return null;
    if (!/^State:\s+S/m.test(status)) return null;
    for (const [, count] of status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm)) switches += Number(count);
  }
  return switches;
}

/** Whether the process waits for something outside; false when it is gone. Children are not looked at. */
export async function isAtRest(pid: number): Promise<boolean> {
  let before: number | null = null;
  for (let look = 0; look < LOOKS; look++) {
    const switches = await switchesOfSleeper(pid).catch(() => null);
    if (switches === null || (before !== null && switches !== before)) return false;
    before = switches;
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
  return true;
}
