// Checks whether what a server said about one mailbox adds up; what a full listing means instead proof.ts says.
//
// VANISHED (RFC 7162 3.2.10) is a claim, not a proof: servers have been seen to name messages that are still there, to
// forget expunged ones after their index was rebuilt while UIDVALIDITY and mod-sequences looked untouched, and they may
// name UIDs that never were known. Believing it would delete mail on the other side. EXISTS is counted by other means,
// so the two check each other at no cost. Knows nothing of commands; what to do when they disagree is the caller's.

/** Numbers of messages of one side in one selection. */
export interface Census {
  /** Mapped, or recorded as deliberately unmapped, with UIDs below the cursor's UIDNEXT. */
  readonly known: number;
  /** Of these, those that the server reported as VANISHED: never the size of VANISHED itself. */
  readonly knownVanished: number;
  /** Messages that exist and are not known. */
  readonly arrived: number;
  /** EXISTS after all of this was reported. */
  readonly exists: number;
}

/** Whether known, vanished and arrived messages explain EXISTS. If not, nothing may be expunged before a full listing. */
export function accounts(census: Census): boolean {
  return unexplained(census) === 0;
}

/**
 * Messages in the mailbox that nothing explains; negative: messages that should be there and are not. Mail that came
 * and went between two runs leaves no trace here, and is no error.
 */
export function unexplained({ known, knownVanished, arrived, exists }: Census): number {
  return exists - (known - knownVanished + arrived);
}
