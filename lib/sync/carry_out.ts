// Carries out the plan of one pass: flags and removals on both sides, and the copies both ways, all at the same time, for
// they concern different messages. Reports what became of each side's news; what may be forgotten because of it
// outcome.ts decides.

import { digest } from "../base/digest.ts";
import type { FlagSet, UidSet } from "../protocol/mod.ts";
import { agreeOnStored } from "./agreed_stores.ts";
import { bothOver, type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { CommonFate } from "./common_fate.ts";
import type { Copied } from "./copy.ts";
import { copyAcross } from "./copy_across.ts";
import { isFar } from "./distance.ts";
import { EarlyLook, type EarlyLookContext } from "./early_look.ts";
import { execute, type Executed } from "./execute.ts";
import type { MailboxRun } from "./mailbox_run.ts";
import { type Observation, otherSide, type Plan, type Side, uidOf } from "./model.ts";
import type { SideOutcome } from "./outcome.ts";
import { spareReadOnly } from "./read_only.ts";
import { listsAll } from "./sight.ts";
import { RefusedMessages } from "./refused_messages.ts";

/** Messages of a mailbox that are sent before those of the other side come, at most. */
const MAX_SENT_FIRST = 4096;

/**
 * `first`: what earlier runs left behind is tried again. `certain`: another look may follow, and from this one, for the
 * servers were believed.
 */
export async function carryOut(
  run: MailboxRun,
  wanted: Plan,
  observed: BothSides<Observation>,
  { first, certain }: { readonly first: boolean; readonly certain: boolean },
): Promise<BothSides<SideOutcome>> {
  const { store, idx } = run.context;
  const refused = {
    local: RefusedMessages.of(store, idx, "local"),
    remote: RefusedMessages.of(store, idx, "remote"),
  };
  const { plan, changes, texts } = spareReadOnly(wanted, observed, refused, idx);
  if (changes.length > 0) store.apply(changes);
  for (const side of SIDES) if (texts[side] !== null) run.logs[side].warn(texts[side]);
  const executing = executeBoth(run, plan, observed);
  const copying = copyBoth(run, plan, observed, { refused, first, certain, executing });
  const [executed, [pulled, pushed]] = await bothOver(executing, copying);
  return {
    local: outcomeOf("local", plan, executed, { sent: pushed, received: pulled, spared: texts.remote !== null }),
    remote: outcomeOf("remote", plan, executed, { sent: pulled, received: pushed, spared: texts.local !== null }),
  };
}

interface CopiesContext {
  readonly refused: BothSides<RefusedMessages>;
  readonly first: boolean;
  readonly certain: boolean;
  /** Flags and removals. */
  readonly executing: Promise<unknown>;
}

/** Copies to the local and to the remote side; and the next looks, as soon as what they have to show is sent. */
async function copyBoth(
  run: MailboxRun,
  plan: Plan,
  observed: BothSides<Observation>,
  { refused, first, certain, executing }: CopiesContext,
): Promise<[Copied, Copied]> {
  const isCopied = { local: false, remote: false };
  for (const side of SIDES) {
    if (certain && isChanged(plan, side)) lookBehind(run, side, observed[side], () => isCopied[side]);
  }
  // What is removed makes room for what is copied.
  if (SIDES.some((side) => makesRoom(run, plan, side))) await executing;
  const pushFirst = isPushFirst(run, plan);
  const fate = new CommonFate();
  // New mail comes, whatever becomes of what is sent.
  const fates = { local: pushFirst ? new CommonFate() : fate, remote: fate };
  const copyTo = async (target: Side, uids: UidSet): Promise<Copied> => {
    const source = otherSide(target);
    const sent = () => {
      if (certain && !isChanged(plan, target)) lookBehind(run, target, observed[target], "copies");
    };
    const copied = await copy(run, uids, source, observed, {
      refused: refused[source],
      first,
      fate: fates[target],
      sent,
    });
    isCopied[target] = true;
    return copied;
  };
  // Their bodies take turns, with those of all mailboxes: who comes first has the first turn.
  if (!pushFirst) return await bothOver(copyTo("local", plan.pull), copyTo("remote", plan.push));
  const pushing = copyTo("remote", plan.push);
  return await bothOver(copyTo("local", plan.pull), pushing);
}

/**
 * New mail comes first. But a first synchronization is over sooner when it begins with the messages of the nearer server:
 * they are there while those of the other one are on their way, and at the end no far server's answers are waited for.
 * Where more is sent than comes, or very much, mail would come late over a line that is slow in that direction.
 */
function isPushFirst({ context: { sessions, store, idx } }: MailboxRun, { push, pull }: Plan): boolean {
  const cursors = store.cursors(idx);
  return cursors?.local.uidNext === 0 && cursors.remote.uidNext === 0 &&
    push.size <= Math.min(pull.size, MAX_SENT_FIRST) &&
    isFar(sessions.remote) && sessions.local.roundTripMs < sessions.remote.roundTripMs;
}

function isChanged(plan: Plan, side: Side): boolean {
  return plan[side].expunge.length > 0 || plan[side].stores.length > 0;
}

/** What we change has to be looked at again: right behind the changes, unless copies are still being made, or behind these. */
function lookBehind(run: MailboxRun, side: Side, observed: Observation, behind: EarlyLookContext["behind"]): void {
  const { sessions, names, store, idx } = run.context;
  if (observed.readOnly) return;
  const session = sessions[side];
  const all = listsAll(store, idx, session.capabilities.has("ESEARCH"));
  const news = (uid: number, flags: FlagSet) => run.isNews(side, uid, flags);
  run.early[side] = new EarlyLook({ session, mailbox: names[side], observed, all, news, behind });
}

function makesRoom({ context: { sessions } }: MailboxRun, plan: Plan, side: Side): boolean {
  return plan[side].expunge.length > 0 && sessions[side].capabilities.has("QUOTA");
}

async function executeBoth(
  run: MailboxRun,
  plan: Plan,
  observed: BothSides<Observation>,
): Promise<BothSides<Executed>> {
  const { sessions, store, idx } = run.context;
  const executed = await onBothSides((side) =>
    execute(plan[side], {
      session: sessions[side],
      side,
      log: run.logs[side],
      unchangedSince: observed[side].highestModSeq,
      permanentFlags: observed[side].permanentFlags,
      readOnly: observed[side].readOnly,
    })
  );
  agreeOnStored(run.agreed, plan, executed, (side, pair) => observed[side].modified.get(uidOf(pair, side)) ?? null);
  const gone = [...plan.forget, ...executed.local.removed, ...executed.remote.removed];
  if (gone.length > 0) store.apply([{ kind: "unpair", idx, pairs: gone }]);
  return executed;
}

interface CopyOptions {
  readonly refused: RefusedMessages;
  readonly first: boolean;
  readonly fate: CommonFate;
  /** Called when all copies are sent. */
  readonly sent: () => void;
}

async function copy(
  run: MailboxRun,
  uids: UidSet,
  source: Side,
  observed: BothSides<Observation>,
  { refused, first, fate, sent }: CopyOptions,
): Promise<Copied> {
  const target = otherSide(source);
  const tryAgain = first && !observed[target].readOnly;
  if (uids.isEmpty && (!tryAgain || refused.uids.isEmpty)) {
    return { held: uids, complete: true, copied: 0, reduced: false };
  }
  const done = await copyAcross(uids, source, {
    mailbox: run.context,
    logs: run.logs,
    selected: observed,
    digest,
    refused,
    tryAgain,
    fate,
    sent,
    agree: (pair, original, copy) => {
      run.agreed[source].set(uidOf(pair, source), original);
      run.agreed[target].set(uidOf(pair, target), copy);
    },
  });
  run.uncopied[source] = run.uncopied[source].union(done.held);
  return done;
}

interface Copies {
  /** Of this side's messages. */
  readonly sent: Copied;
  /** That were made on this side. */
  readonly received: Copied;
  /** Messages are not copied because the other side is read only, and that is news. */
  readonly spared: boolean;
}

function outcomeOf(side: Side, planned: Plan, executed: BothSides<Executed>, copies: Copies): SideOutcome {
  const other = executed[otherSide(side)];
  const { sent, received, spared } = copies;
  const wanted = side === "local" ? planned.pull : planned.push;
  const changed = planned[side].expunge.length > 0 || planned[side].stores.length > 0;
  // Were it interrupted now, the next run would see flags missing on the other side only, and take them away here.
  const reduced = sent.reduced || other.stored.some(({ kept, flags }) => kept.key !== flags.key);
  return {
    touched: changed || !wanted.isEmpty || received.copied > 0,
    propagated: !other.retry && !other.failed && !reduced,
    failed: other.failed || !sent.complete || spared,
  };
}
