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

  /** Jobs of a mailbox: all that read, and the first of those that change. */
  *of(seat: Seat): Generator<Job> {
    const jobs = this.#seats.get(seat);
    if (jobs === undefined) return;
    yield* jobs.reading;
    const [change] = jobs.changing;
    if (change !== undefined) yield change;
  }

  /** All that look or read. */
  *reading(): Generator<Job> {
    for (const { reading } of this.#seats.values()) yield* reading;
  }

  /** The first of each mailbox that changes it. */
  *changing(): Generator<Job> {
    for (const { changing: [change] } of this.#seats.values()) if (change !== undefined) yield change;
  }

  /** Whether a mailbox is about to be changed. */
  willChange(seat: Seat): boolean {
    return (this.#seats.get(seat)?.changing.length ?? 0) > 0;
  }
}

function listOf<Job extends SeatedJob<unknown>>({ reading, changing }: JobsOfSeat<Job>, { kind }: Job): Job[] {
  return kind === "change" ? changing : reading;
}
