// How the log tells of copies: in the words of the original, which appends no more than 128 messages at once. Pure.

import { type Pair, type Side, uidOf } from "./model.ts";

/** Copies in one line. */
const TOLD_AT_ONCE = 128;

/** "Added 3 UID(s) 4:6 <- 7,1:2" for copies to local, with "->" for copies to remote. */
export function added(target: Side, pairs: readonly Pair[]): readonly string[] {
  const arrow = target === "local" ? "<-" : "->";
  const lines: string[] = [];
  for (let i = 0; i < pairs.length; i += TOLD_AT_ONCE) {
    const told = pairs.slice(i, i + TOLD_AT_ONCE);
    const [local, remote] = (["local", "remote"] as const).map((side) =>
      inOrder(told.map((pair) => uidOf(pair, side)))
    );
    lines.push(`Added ${told.length} UID(s) ${local} ${arrow} ${remote}`);
  }
  return lines;
}

/** A compact list that keeps the order: "7,1:3". */
function inOrder(uids: readonly number[]): string {
  const words: string[] = [];
  for (let i = 0; i < uids.length;) {
    const first = uids[i] ?? 0;
    let last = first;
    for (i++; uids[i] === last + 1; i++) last++;
    words.push(first === last ? `${first}` : `${first}:${last}`);
  }
  return words.join(",");
}
