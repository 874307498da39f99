// How soon a tool that stays and is told of changes brings new mail: seconds from the OK of an APPEND on the remote
// server until the message is in the local maildir, where every client that looks finds it. Asking the local server
// would add the time that it takes to tell. Knows no tool.

import type { MailStore } from "../../tests/support/live_dovecot.ts";
import { SeededRandom } from "../../tests/support/live/seeded.ts";
import { MessageMaker } from "./messages.ts";
import { append, type Model, type Stores } from "./stores.ts";

/**
 * `single`: into INBOX, a while between them; `burst`: into INBOX, one right after the other; `spread`: as `single`,
 * each into another mailbox.
 */
export type Deliveries = "single" | "burst" | "spread";

const COUNTS: Readonly<Record<Deliveries, number>> = { single: 6, burst: 20, spread: 6 };
/** Numbers of messages that nobody else makes. */
const FIRST_NUMBER = 60_000_000;
const POLL_MS = 3;
/** The tool is at rest again. */
const PAUSE_MS = 2000;
const UNSEEN_LIMIT_MS = 70_000;

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What is in a mailbox of a maildir, without the flags that are part of a name. */
function messagesIn(store: MailStore, mailbox: string): ReadonlySet<string> {
  const folder = `${store.home}/maildir${mailbox === "INBOX" ? "" : `/.${mailbox.replaceAll("/", ".")}`}`;
  // In this order a message that is moved meanwhile is not missed for longer than until the next look.
  const names = ["cur", "new"].flatMap((part) => [...Deno.readDirSync(`${folder}/${part}`)]);
  return new Set(names.map(({ name }) => name.split(":")[0] ?? name));
}

/** The times at which so many messages have come that were not there before, by performance.now(). */
async function arrivals(store: MailStore, mailbox: string, count: number): Promise<readonly number[]> {
  const known = new Set(messagesIn(store, mailbox));
  const times: number[] = [];
  const end = performance.now() + UNSEEN_LIMIT_MS;
  while (times.length < count) {
    await pause(POLL_MS);
    const now = performance.now();
    if (now > end) throw new Error(`${count - times.length} of ${count} messages did not come to ${mailbox}`);
    for (const name of messagesIn(store, mailbox)) {
      if (known.has(name)) continue;
      known.add(name);
      times.push(now);
    }
  }
  return times;
}

/** Delivers to a mailbox; seconds that each message took, in the order of their coming. */
async function deliver(stores: Stores, model: Model, maker: MessageMaker, to: string, numbers: readonly number[]) {
  return await stores.remote.with(async (probe) => {
    const coming = arrivals(stores.local, to, numbers.length);
    const accepted: number[] = [];
    const delivering = (async () => {
      for (const number of numbers) {
        await append(probe, to, [maker.make(number)], model);
        accepted.push(performance.now());
      }
    })();
    const [times] = await Promise.all([coming, delivering]);
    return times.map((time, at) => Math.max(0, time - (accepted[at] ?? NaN)) / 1000);
  });
}

/** Delivers while a tool watches both stores, which it has synchronized before. @throws Error when something does not come */
export async function measureDeliveries(
  stores: Stores,
  model: Model,
  deliveries: Deliveries,
  seed: number,
): Promise<readonly number[]> {
  const maker = new MessageMaker(seed, "normal");
  const random = new SeededRandom(seed);
  let number = FIRST_NUMBER;
  const seconds: number[] = [];
  // The first shows that the tool watches, and does not count.
  await deliver(stores, model, maker, "INBOX", [number++]);
  await pause(PAUSE_MS);
  const count = COUNTS[deliveries];
  if (deliveries === "burst") {
    return await deliver(stores, model, maker, "INBOX", Array.from({ length: count }, () => number++));
  }
  const mailboxes = [...model.keys()];
  for (let at = 0; at < count; at++) {
    const mailbox = deliveries === "spread" ? random.pick(mailboxes) : "INBOX";
    seconds.push(...await deliver(stores, model, maker, mailbox, [number++]));
    await pause(PAUSE_MS);
  }
  return seconds;
}
