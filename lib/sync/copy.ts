// Copies messages of one mailbox in one direction: FETCH bodies from the source, in wire order, into APPENDs to the
// target. Memory: two batches and one chunk, whatever the messages. Bodies flow one way at a time; what is answered when
// they are sent does not keep those of the other way waiting.

import { wait } from "../base/clock.ts";
import type { Digest } from "../base/digest.ts";
import type { MailboxSession } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { UidSet } from "../protocol/mod.ts";
import type { Side } from "../state/types.ts";
import { AppendQueue, type AppendQueueContext } from "./append_queue.ts";
import { MAX_BATCH_MESSAGES } from "./batch.ts";
import type { CommonFate } from "./common_fate.ts";
import { CopySink } from "./copy_sink.ts";
import { fetchExisting } from "./fetch_existing.ts";
import type { OneWay } from "./one_way.ts";
import type { RefusedMessages } from "./refused_messages.ts";
import type { Slabs } from "./slabs.ts";

const ITEMS = "(UID FLAGS INTERNALDATE BODY.PEEK[])";
/**
 * Messages asked for in one FETCH, and the longest text of their UIDs. One FETCH at a time: Dovecot 2.3.19 works on
 * several in turn, and the copies would not be in the order of the originals. What a mailbox that was given up still has
 * to be sent is bounded by this, too.
 */
const MAX_FETCH_MESSAGES = 2048;
const MAX_FETCH_OCTETS = 4096;

export interface CopyContext extends Omit<AppendQueueContext, "session" | "appendLimit"> {
  readonly from: MailboxSession;
  readonly to: MailboxSession;
  readonly source: Side;
  readonly sourceLog: Logger;
  readonly digest: Digest;
  readonly oneWay: OneWay;
  readonly slabs: Slabs;
  /** Whether messages that earlier runs left behind are tried again when the reason can have changed. */
  readonly tryAgain: boolean;
  /** What has stopped copies the other way stops these before they begin. */
  readonly fate: CommonFate;
  /** Called when all messages are sent, and not yet answered. */
  readonly sent: () => void;
}

export interface Copied {
  /** Source UIDs that were not sent although they exist: everything from the lowest of them on is looked at again. */
  readonly held: UidSet;
  /** False: something stayed behind that was not reported before. */
  readonly complete: boolean;
  /** Messages. */
  readonly copied: number;
  /** Some copies have not all the flags of the original. */
  readonly reduced: boolean;
}

/** @throws MailboxError when the rest has to wait for the next run */
export async function copyMessages(uids: UidSet, context: CopyContext): Promise<Copied> {
  const appendLimit = await context.to.appendLimit(context.mailbox);
  const queue = new AppendQueue({ ...context, session: context.to, appendLimit });
  let missing = UidSet.empty;
  try {
    missing = await transferAll(uids, MAX_BATCH_MESSAGES, queue, context, context.sent);
    if (context.tryAgain) missing = missing.union(await tryAgain(context.refused.due(appendLimit), queue, context));
  } finally {
    await queue.finish();
  }
  const existing = missing.isEmpty ? missing : await context.from.search(missing);
  if (!existing.isEmpty) context.sourceLog.warn(`The server did not send UID ${existing}. It will be tried again.`);
  return {
    held: existing,
    complete: queue.leaving.complete && existing.isEmpty,
    copied: queue.copied,
    reduced: queue.reduced,
  };
}

/** What earlier runs left behind. Of what the mailbox did not take, one message shows whether it does now. */
async function tryAgain(earlier: RefusedMessages, queue: AppendQueue, context: CopyContext): Promise<UidSet> {
  const { mailbox, others } = earlier.split();
  const missing = await transferAll(others.uids, 1, queue, context);
  const probe = mailbox.smallest;
  if (probe === 0 || queue.closedBy !== null) return missing;
  const probed = UidSet.range(probe, probe);
  const lost = await transferAll(probed, 1, queue, context);
  const { store, idx, source } = context;
  if (!lost.isEmpty || store.unmapped(idx, source).has(probe)) return missing;
  return missing.union(await transferAll(mailbox.uids.subtract(probed), MAX_BATCH_MESSAGES, queue, context));
}

/** Copies what the mailbox takes and waits for the answers; resolves to the UIDs that the source did not deliver. */
async function transferAll(
  uids: UidSet,
  batch: number,
  queue: AppendQueue,
  context: CopyContext,
  sent: () => void = () => {},
): Promise<UidSet> {
  const first = await flow(uids, context, async () => {
    let missing = UidSet.empty;
    for (const slice of fetchSlices(uids)) {
      if (queue.stopped) break;
      missing = missing.union(await transfer(slice, batch, queue, context));
      if (!queue.resends.isEmpty) missing = missing.union(await resend(queue, context));
    }
    return missing;
  });
  sent();
  const missing = first.union(await resend(queue, context));
  if (queue.closedBy !== null) queue.leaving.untried(uids, queue.closedBy);
  await queue.finish();
  return missing;
}

/** Runs `work`, in which the bodies of `uids` flow from the source. Nothing waits for its turn if there are none. */
async function flow(
  uids: UidSet,
  { oneWay, source, fate }: CopyContext,
  work: () => Promise<UidSet>,
): Promise<UidSet> {
  return uids.isEmpty ? UidSet.empty : await oneWay.from(source, () => fate.share(work));
}

/** Sends again what was refused for reasons that another way, or another time, may remove. */
async function resend(queue: AppendQueue, context: CopyContext): Promise<UidSet> {
  let missing = UidSet.empty;
  for (;;) {
    await queue.finish();
    const next = queue.resends.take();
    if (next === null || queue.stopped) return missing;
    if ("givenUp" in next) {
      const { target, mailbox } = context;
      const text = `The server wants us to wait; the rest is left for the next run: ${next.givenUp}`;
      throw new MailboxError(text, { component: target, mailbox });
    }
    if (next.waitMs > 0) await wait(next.waitMs, context.clock);
    const again = UidSet.of(next.uids);
    const lost = await flow(again, context, async () => {
      let missing = UidSet.empty;
      for (const slice of fetchSlices(again)) {
        missing = missing.union(await transfer(slice, next.batch, queue, context));
      }
      return missing;
    });
    missing = missing.union(lost);
  }
}

/** Fetches and sends; resolves to the UIDs that the server did not deliver. */
async function transfer(uids: UidSet, batch: number, queue: AppendQueue, context: CopyContext): Promise<UidSet> {
  const sink = new CopySink(queue, context, batch);
  try {
    await fetchSlice(uids, sink, context);
    await sink.flush();
    await sink.written();
  } catch (error) {
    sink.fail(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  return queue.stopped ? UidSet.empty : uids.subtract(sink.delivered);
}

function* fetchSlices(uids: UidSet): Generator<UidSet> {
  for (const slice of uids.slices(MAX_FETCH_MESSAGES)) yield* slice.chunks(MAX_FETCH_OCTETS);
}

function fetchSlice(slice: UidSet, sink: CopySink, context: CopyContext): Promise<void> {
  return fetchExisting(context.from, slice, ITEMS, {
    bodies: {
      begin: (known, _section, octets) => sink.begin(known, octets),
      data: (bytes) => sink.data(bytes),
      end: () => sink.end(),
    },
  });
}
