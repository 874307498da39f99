// The next look at a mailbox, sent right behind the changes that were made to it: what it shows is what a look would show
// that waits for their answers, a round trip earlier. Decides whether it may stand for the next look; what it shows
// others weigh.

import { type FlagSet, MAX_UID, type ModSeq, UidSet } from "../protocol/mod.ts";
import type { Cursor } from "../state/types.ts";
import type { Again } from "./lanes.ts";
import type { SharedSession } from "./mailbox_session.ts";
import type { Observation } from "./model.ts";
import { type LookBefore, see, type Sight } from "./sight.ts";

export interface EarlyLookContext {
  readonly session: SharedSession;
  readonly mailbox: string;
  /** What is known of this side. */
  readonly observed: Pick<Observation, "uidValidity" | "uidNext" | "highestModSeq">;
  /** Ask for all UIDs, or only for new ones. */
  readonly all: boolean;
  /** False for what both copies are known to agree on. */
  readonly news: (uid: number, flags: FlagSet) => boolean;
  /**
   * "copies": all of them are sent, and nothing else is changed. Behind changes it is asked at the moment when it can be
   * sent whether nothing more will be done to this side that it has to show.
   */
  readonly behind: "copies" | (() => boolean);
}

export class EarlyLook implements LookBefore {
  readonly #since: number;
  readonly #modSeq: ModSeq;
  readonly #all: boolean;
  readonly #seen: Promise<Sight | null>;
  readonly #session: SharedSession;
  #changes = 0;

  /** To be called when the changes are queued, or the copies sent. */
  constructor({ session, mailbox, observed, all, news, behind }: EarlyLookContext) {
    const { uidValidity, uidNext, highestModSeq } = observed;
    this.#since = uidNext;
    this.#modSeq = highestModSeq;
    this.#all = all;
    this.#session = session;
    // The copies that were just made count: of UIDs that are not known a server tells no change (RFC 7162 3.2.5.2).
    const knownUids = UidSet.range(1, MAX_UID);
    const resync = { uidValidity, modSeq: highestModSeq, knownUids, sample: null };
    const look = (again: Again): Promise<Sight> => {
      this.#changes = session.changes;
      // Which of the changes are our own is not known before their answers are read. But what a new copy was given it is
      // given once, and that is much in a first synchronization.
      const isNews = (uid: number, flags: FlagSet) => uid < uidNext || news(uid, flags);
      return see(again, mailbox, { resync, from: all ? 1 : uidNext, isNews });
    };
    const seeing = behind === "copies" ? session.behindCopies(look) : session.behindChanges(behind, look);
    this.#seen = seeing.catch(() => null);
  }

  async take(cursor: Cursor | null, all: boolean): Promise<Sight | null> {
    const sight = await this.#seen;
    const isSame = cursor?.highestModSeq === this.#modSeq && this.#session.changes === this.#changes;
    return isSame && (this.#all || (!all && cursor.uidNext === this.#since)) ? sight : null;
  }
}
