// The loop of one mailbox: look at both sides, compare, adopt, plan, carry out, commit, until nothing is left to do (design
// B 2.8, A14). Decides how often, and which side is looked at again; each step is another file's.

import { adopt, type Adoption, Anew } from "./adopt.ts";
import { agreeOnStored } from "./agreed_stores.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { carryOut } from "./carry_out.ts";
import { compareFlags } from "./full_listing.ts";
import { Looker, type Seen } from "./look.ts";
import { inMailbox, type MailboxContext } from "./mailbox_context.ts";
import { MailboxRun } from "./mailbox_run.ts";
import type { Side } from "./model.ts";
import { planNews } from "./news.ts";
import type { Observed } from "./observe.ts";
import { newCursors, type SideOutcome, withCompared } from "./outcome.ts";
import { RenumberedError } from "./renumbered_error.ts";

/** What still comes after so many passes is the next run's business. */
const MAX_PASSES = 3;

/**
 * Synchronizes one mailbox. False: something was left undone, and said in the log.
 * @throws MailboxError when the mailbox was given up; other errors end the run
 */
export async function synchronizeMailbox(context: MailboxContext): Promise<boolean> {
  try {
    try {
      return await new MailboxSync(context, null).run();
    } catch (error) {
      if (!(error instanceof RenumberedError)) throw error;
      // Once: a server that gives another UIDVALIDITY every time is not to be believed.
      // What was seen before was the one that is gone.
      return await new MailboxSync({ ...context, foreseen: null }, new Anew(error)).run();
    }
  } catch (error) {
    throw inMailbox(error, context);
  }
}

interface Comparison {
  readonly observed: BothSides<Observed>;
  /** Null: there was none. */
  readonly compared: BothSides<SideOutcome> | null;
}

class MailboxSync {
  readonly #context: MailboxContext;
  readonly #run: MailboxRun;
  readonly #looker: Looker;
  /** Sides that were named as doubtful: what is left undone is doubted again in the next pass. */
  readonly #doubted = new Set<Side>();
  /** Until the old state is replaced. */
  #anew: Anew | null;

  constructor(context: MailboxContext, anew: Anew | null) {
    this.#context = context;
    this.#run = new MailboxRun(context);
    this.#looker = new Looker(this.#run);
    this.#anew = anew;
  }

  async run(): Promise<boolean> {
    const { brake, fullCheck } = this.#context;
    await this.#looker.recover();
    let sides: readonly Side[] = SIDES;
    let last: BothSides<Observed> | null = null;
    let complete = true;
    for (let pass = 0; pass < MAX_PASSES && sides.length > 0; pass++) {
      const first = pass === 0;
      // What is known of a mailbox that is another one now is worth no comparison.
      const known = this.#anew === null;
      const whole = known && first && fullCheck?.due === true;
      const state = this.#anew?.state ?? this.#context.store;
      const seen: Seen = await this.#looker.look({ sides, last, whole, state });
      const { observed: settled, compared }: Comparison = known
        ? await this.#compare(seen.observed, whole)
        : { observed: seen.observed, compared: null };
      const { observed, recognized } = await this.#adopt(settled);
      const wanted = await planNews(this.#run, observed, { first, recognized });
      const done = withCompared(
        await carryOut(this.#run, brake.apply(wanted), observed, {
          first,
          certain: known && compared === null && pass + 1 < MAX_PASSES,
        }),
        compared,
      );
      this.#commit(compared === null ? seen.looked : SIDES, observed, done);
      if (compared !== null) fullCheck?.done();
      complete &&= SIDES.every((side) => !done[side].failed);
      sides = SIDES.filter((side) => done[side].touched || !done[side].propagated);
      last = observed;
    }
    return complete;
  }

  /** A doubtful server is taken at its word in nothing: every message is compared with its copy. */
  async #compare(observed: BothSides<Observed>, whole: boolean): Promise<Comparison> {
    const { logs, agreed } = this.#run;
    const doubted = SIDES.filter((side) => observed[side].doubt !== null);
    for (const side of doubted) {
      if (!this.#doubted.has(side)) logs[side].warn(`${observed[side].doubt}. Comparing all messages.`);
      this.#doubted.add(side);
    }
    if (!whole && doubted.length === 0) return { observed, compared: null };
    const { sessions, store, idx, log, names } = this.#context;
    const compared = await compareFlags({
      sessions,
      store,
      idx,
      observed,
      logs,
      log,
      mailbox: names.local,
      stored: (plans, executed, before) => agreeOnStored(agreed, plans, executed, before),
    });
    const { local, remote } = observed;
    return {
      observed: { local: { ...local, modified: new Map() }, remote: { ...remote, modified: new Map() } },
      compared,
    };
  }

  /** What has arrived on both sides is not copied, but paired. */
  async #adopt(observed: BothSides<Observed>): Promise<Adoption> {
    const adoption = await adopt(observed, { ...this.#context, key: this.#run.key, anew: this.#anew });
    this.#anew = null;
    return adoption;
  }

  #commit(looked: readonly Side[], observed: BothSides<Observed>, done: BothSides<SideOutcome>): void {
    const { store, idx, brake } = this.#context;
    const { uncopied } = this.#run;
    const waits = (side: Side) => brake.holdsNewsOf(side);
    const changes = newCursors(store.cursors(idx), { idx, looked, observed, done, waits, uncopied });
    if (changes.length > 0) store.apply(changes);
  }
}
