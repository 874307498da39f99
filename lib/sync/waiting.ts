// The jobs that wait for a session, by mailbox: many mailboxes have few jobs that read and many that change, and of the
// latter only the first decides when all have their turn. Knows no session; whose turn it is lanes.ts decides.

/** "look": it selects the mailbox itself. "read": in whatever selection of the mailbox. "change": in a proven one. */
export type JobKind = "look" | "read" | "change";

interface SeatedJob<Seat> {
  readonly seat: Seat;
  readonly kind: JobKind;
}

interface JobsOfSeat<Job> {
  /** In the order in which they were asked for. */
  readonly reading: Job[];
  readonly changing: Job[];
}

export class Waiting<Seat, Job extends SeatedJob<Seat>> {
  /** Seats that have jobs; those that have waited longest first. */
  readonly #seats = new Map<Seat, JobsOfSeat<Job>>();

  /** How many mailboxes wait. */
  get seats(): number {
    return this.#seats.size;
  }

  add(job: Job): void {
    const jobs = this.#seats.get(job.seat) ?? { reading: [], changing: [] };
    this.#seats.set(job.seat, jobs);
    listOf(jobs, job).push(job);
  }

  remove(job: Job): void {
    const jobs = this.#seats.get(job.seat);
    if (jobs === undefined) return;
    const list = listOf(jobs, job);
    const at = list.indexOf(job);
    if (at >= 0) list.splice(at, 1);
    if (jobs.reading.length === 0 && jobs.changing.length === 0) this.#seats.delete(job.seat);
  }

  // What follows is asked whenever anything is answered: no iterators, whose steps would be a large part of all garbage.

  /** The first that `pick` gives something for among the jobs of a mailbox: those that read, and its first that changes. */
  pickOf<Picked>(seat: Seat, pick: (job: Job) => Picked | null): Picked | null {
    const jobs = this.#seats.get(seat);
    if (jobs === undefined) return null;
    return pickFrom(jobs.reading, pick) ?? pickFrom(jobs.changing.slice(0, 1), pick);
  }

  /** The same among all that look or read. */
  pickReading<Picked>(pick: (job: Job) => Picked | null): Picked | null {
    for (const { reading } of this.#seats.values()) {
      const picked = pickFrom(reading, pick);
      if (picked !== null) return picked;
    }
    return null;
  }

  /** The same among the first of each mailbox that changes it. */
  pickChanging<Picked>(pick: (job: Job) => Picked | null): Picked | null {
    for (const { changing: [change] } of this.#seats.values()) {
      const picked = change === undefined ? null : pick(change);
      if (picked !== null) return picked;
    }
    return null;
  }

  /** How many mailboxes are to be changed, or have a reading job that `counts`. */
  count(counts: (job: Job) => boolean): number {
    let count = 0;
    for (const { reading, changing } of this.#seats.values()) if (changing.length > 0 || reading.some(counts)) count++;
    return count;
  }

  /** Whether a mailbox is about to be changed. */
  willChange(seat: Seat): boolean {
    return (this.#seats.get(seat)?.changing.length ?? 0) > 0;
  }
}

function listOf<Job extends SeatedJob<unknown>>({ reading, changing }: JobsOfSeat<Job>, { kind }: Job): Job[] {
  return kind === "change" ? changing : reading;
}

function pickFrom<Job, Picked>(jobs: readonly Job[], pick: (job: Job) => Picked | null): Picked | null {
  for (const job of jobs) {
    const picked = pick(job);
    if (picked !== null) return picked;
  }
  return null;
}
