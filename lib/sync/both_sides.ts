// A value for each of the two servers. Nothing else.

import type { Side } from "./model.ts";

export type BothSides<T> = Readonly<Record<Side, T>>;

export const SIDES: readonly Side[] = ["local", "remote"];

/** Does the same for both sides at the same time; the first failure wins when both are over. */
export async function onBothSides<T>(action: (side: Side) => Promise<T>): Promise<BothSides<T>> {
  const [local, remote] = await Promise.allSettled([action("local"), action("remote")]);
  if (local.status === "rejected") throw local.reason;
  if (remote.status === "rejected") throw remote.reason;
  return { local: local.value, remote: remote.value };
}
