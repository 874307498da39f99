// Acts on the two servers at the same time. Knows nothing of what is done.

import type { BothSides, Side } from "./model.ts";

export { type BothSides, SIDES } from "./model.ts";

/** Does the same for both sides at the same time; the first failure wins when both are over. */
export async function onBothSides<T>(action: (side: Side) => Promise<T>): Promise<BothSides<T>> {
  const [local, remote] = await bothOver(action("local"), action("remote"));
  return { local, remote };
}

/** Waits for both, also when one fails: nothing goes on behind the caller's back. The first failure wins. */
export async function bothOver<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([one, other]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}
