// What a watch looks at next: a reducer of hints into plans. A hint says only that somebody should look; nothing in it is
// ever applied. What equals the state that is stored already, such as the echo of our own work, is no news, and what was
// looked at once without getting to that state is no news a second time: after a change, traffic stops.

import type { ModSeq } from "../protocol/mod.ts";
import type { Cursor, Cursors } from "../state/types.ts";
import type { Side } from "./model.ts";

/** What a server told of a mailbox; null: nothing about that. */
export interface Picture {
  readonly uidValidity: number | null;
  readonly uidNext: number | null;
  readonly highestModSeq: ModSeq | null;
}

/** Names are internal. */
export type Hint =
  /** From STATUS, or on opening a mailbox. */
  | { readonly kind: "picture"; readonly side: Side; readonly mailbox: string; readonly picture: Picture }
  /** Something happened in a mailbox, by somebody else. */
  | { readonly kind: "change"; readonly side: Side; readonly mailbox: string }
  /** It is not clear where, or it is time. */
  | { readonly kind: "everything" };

export type LookPlan =
  | { readonly kind: "nothing" }
  | { readonly kind: "some"; readonly mailboxes: ReadonlySet<string> }
  | { readonly kind: "everything" };

/** Collects hints, also while somebody looks. Grows with the number of mailboxes, not with that of hints. */
export class Agenda {
  /** The latest picture of each mailbox, by side. */
  readonly #pictures: Record<Side, Map<string, Picture>> = { local: new Map(), remote: new Map() };
  /** Pictures that somebody has looked at. */
  readonly #seen: Record<Side, Map<string, Picture>> = { local: new Map(), remote: new Map() };
  readonly #changed = new Set<string>();
  /** How often each mailbox had news, by side. */
  readonly #busy: Record<Side, Map<string, number>> = { local: new Map(), remote: new Map() };
  #everything = false;

  note(hint: Hint): void {
    switch (hint.kind) {
      case "everything":
        this.#everything = true;
        break;
      case "change":
        this.#changed.add(hint.mailbox);
        this.#count(hint.side, hint.mailbox);
        break;
      case "picture":
        this.#pictures[hint.side].set(hint.mailbox, hint.picture);
        break;
    }
  }

  /**
   * What to look at now, which counts as looked at from then on.
   * @param cursorsOf what is stored of a mailbox: null before its first synchronization, undefined when the mailbox is
   * none of ours
   */
  plan(cursorsOf: (mailbox: string) => Cursors | null | undefined): LookPlan {
    const mailboxes = new Set([...this.#changed].filter((mailbox) => cursorsOf(mailbox) !== undefined));
    for (const side of ["local", "remote"] as const) {
      for (const [mailbox, picture] of this.#pictures[side]) {
        const cursors = cursorsOf(mailbox);
        if (cursors === undefined || !isNews(picture, cursors?.[side] ?? null)) continue;
        if (isSame(picture, this.#seen[side].get(mailbox))) continue;
        this.#seen[side].set(mailbox, picture);
        this.#count(side, mailbox);
        mailboxes.add(mailbox);
      }
      this.#pictures[side].clear();
    }
    this.#changed.clear();
    const everything = this.#everything;
    this.#everything = false;
    if (everything) return { kind: "everything" };
    return mailboxes.size === 0 ? { kind: "nothing" } : { kind: "some", mailboxes };
  }

  /** Which of these mailboxes had news most often on a side; INBOX when nothing is known. Null for an empty list. */
  busiest(side: Side, mailboxes: Iterable<string>): string | null {
    let best: string | null = null;
    let most = -1;
    for (const mailbox of mailboxes) {
      const count = (this.#busy[side].get(mailbox) ?? 0) + (mailbox === "INBOX" ? 0.5 : 0);
      if (count <= most) continue;
      best = mailbox;
      most = count;
    }
    return best;
  }

  #count(side: Side, mailbox: string): void {
    this.#busy[side].set(mailbox, (this.#busy[side].get(mailbox) ?? 0) + 1);
  }
}

/** Events may come late: one that tells of an older state than the one that is stored is as good as equal. */
function isNews({ uidValidity, uidNext, highestModSeq }: Picture, cursor: Cursor | null): boolean {
  if (cursor === null || highestModSeq === null) return true;
  if (uidValidity !== null && uidValidity !== cursor.uidValidity) return true;
  return highestModSeq > cursor.highestModSeq || (uidNext !== null && uidNext > cursor.uidNext);
}

/** A picture without mod-sequence does not tell everything, and is never the same as another. */
function isSame(one: Picture, other: Picture | undefined): boolean {
  return other !== undefined && one.highestModSeq !== null && one.highestModSeq === other.highestModSeq &&
    one.uidNext === other.uidNext && one.uidValidity === other.uidValidity;
}
