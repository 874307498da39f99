// Faults at chosen moments: a run that is killed, a stream that breaks or loses an answer, a state file that fails.
// Every wrapper counts its operations, so that a test can first count them and then fail at each in turn. What is
// wrapped, and what has to be true afterwards, is the test's business.

import { StateError, TransportError } from "../../lib/errors.ts";
import type { Pair, Side, StateChange, Store } from "../../lib/state/types.ts";
import type { ByteStream } from "../../lib/transport/types.ts";

/** Thrown by everything that a killed program touches. The program does not know it. */
export class Killed extends Error {
  constructor() {
    super("killed");
  }
}

/** One life of a program: once dead, nothing that it does has an effect. */
export class Life {
  #ends: (() => void)[] = [];
  #dead = false;

  get dead(): boolean {
    return this.#dead;
  }

  /** Calls `end` at the moment of death. */
  onDeath(end: () => void): void {
    this.#ends.push(end);
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const end of this.#ends.splice(0)) end();
  }

  /** @throws Killed when dead */
  check(): void {
    if (this.#dead) throw new Killed();
  }
}

/** A stream of a program that may be killed: what it wrote before can still be read by the other end. */
export class MortalStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #life: Life;

  constructor(inner: ByteStream, life: Life) {
    this.#inner = inner;
    this.#life = life;
    life.onDeath(() => inner.close());
  }

  async read(): Promise<Uint8Array | null> {
    this.#life.check();
    const bytes = await this.#inner.read();
    this.#life.check();
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#life.check();
    await this.#inner.write(bytes);
    this.#life.check();
  }

  close(): void {
    this.#inner.close();
  }
}

export interface StreamFault {
  readonly of: "read" | "write";
  /** The first is 1. */
  readonly at: number;
  /** "fail": nothing crosses. "lose": what is written arrives, what is read is dropped; then the stream is broken. */
  readonly how: "fail" | "lose";
}

/** A stream that breaks at its k-th read or write. */
export class BreakingStream implements ByteStream {
  reads = 0;
  writes = 0;
  readonly #inner: ByteStream;
  readonly #fault: StreamFault | null;
  #broken = false;

  constructor(inner: ByteStream, fault: StreamFault | null) {
    this.#inner = inner;
    this.#fault = fault;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#broken) throw this.#error("read");
    const due = this.#isDue("read", ++this.reads);
    if (due && this.#fault?.how === "fail") throw this.#break("read");
    const bytes = await this.#inner.read();
    if (due) throw this.#break("read");
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#broken) throw this.#error("write");
    const due = this.#isDue("write", ++this.writes);
    if (due && this.#fault?.how === "fail") throw this.#break("write");
    await this.#inner.write(bytes);
    if (due) throw this.#break("write");
  }

  close(): void {
    this.#inner.close();
  }

  #isDue(of: "read" | "write", count: number): boolean {
    return this.#fault?.of === of && this.#fault.at === count;
  }

  #break(phase: "read" | "write"): TransportError {
    this.#broken = true;
    this.#inner.close();
    return this.#error(phase);
  }

  #error(phase: "read" | "write"): TransportError {
    return new TransportError(phase, `The connection broke (${phase})`);
  }
}

/** A stream that breaks behind its n-th octet read or written: all before it cross, none after it. */
export class CutStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #of: "read" | "write";
  #left: number;

  constructor(inner: ByteStream, of: "read" | "write", octets: number) {
    this.#inner = inner;
    this.#of = of;
    this.#left = octets;
  }

  /** Octets that may still cross; what is missing from the number that was given has crossed. */
  get left(): number {
    return this.#left;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#of === "write") return await this.#inner.read();
    if (this.#left === 0) throw this.#break();
    const bytes = await this.#inner.read();
    return bytes === null ? null : this.#take(bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#of === "read") return await this.#inner.write(bytes);
    const crossing = this.#take(bytes);
    if (crossing.length > 0) await this.#inner.write(crossing);
    if (crossing.length < bytes.length) throw this.#break();
  }

  close(): void {
    this.#inner.close();
  }

  #take(bytes: Uint8Array): Uint8Array {
    const taken = bytes.subarray(0, this.#left);
    this.#left -= taken.length;
    return taken;
  }

  #break(): TransportError {
    this.#inner.close();
    return new TransportError(this.#of, `The connection broke (${this.#of})`);
  }
}

export interface StoreFault {
  /** Number of the call of apply() or addMailbox(), the first is 1. */
  readonly at: number;
  /** "fail": StateError, nothing written. "kill-before", "kill-after": dead before, or just after, the commit. */
  readonly how: "fail" | "kill-before" | "kill-after";
}

/** A Store that fails at its k-th write, and that a killed program cannot use. Closing it does not close the inner one. */
export class FaultyStore implements Store {
  /** Calls that write. */
  writes = 0;
  readonly #inner: Store;
  readonly #life: Life;
  readonly #fault: StoreFault | null;

  constructor(inner: Store, life: Life, fault: StoreFault | null = null) {
    this.#inner = inner;
    this.#life = life;
    this.#fault = fault;
  }

  overview(): ReturnType<Store["overview"]> {
    return this.#alive().overview();
  }

  addMailbox(mailbox: string, subscribed: boolean): ReturnType<Store["addMailbox"]> {
    return this.#write((store) => store.addMailbox(mailbox, subscribed));
  }

  cursors(idx: number): ReturnType<Store["cursors"]> {
    return this.#alive().cursors(idx);
  }

  pairCount(idx: number): number {
    return this.#alive().pairCount(idx);
  }

  highestPaired(idx: number): ReturnType<Store["highestPaired"]> {
    return this.#alive().highestPaired(idx);
  }

  pairsTouching(idx: number, side: Side, uids: Parameters<Store["pairsTouching"]>[2]): readonly Pair[] {
    return this.#alive().pairsTouching(idx, side, uids);
  }

  pairedUids(idx: number, side: Side, from: number): ReturnType<Store["pairedUids"]> {
    return this.#alive().pairedUids(idx, side, from);
  }

  recentUids(idx: number, side: Side, limit: number): readonly number[] {
    return this.#alive().recentUids(idx, side, limit);
  }

  unmapped(idx: number, side: Side): ReturnType<Store["unmapped"]> {
    return this.#alive().unmapped(idx, side);
  }

  isHeld(idx: number, side: Side): boolean {
    return this.#alive().isHeld(idx, side);
  }

  unmappedBecause(prefix: string): ReturnType<Store["unmappedBecause"]> {
    return this.#alive().unmappedBecause(prefix);
  }

  mailboxId(idx: number, side: Side): string | null {
    return this.#alive().mailboxId(idx, side);
  }

  intents(idx: number): ReturnType<Store["intents"]> {
    return this.#alive().intents(idx);
  }

  newIntentId(): number {
    return this.#alive().newIntentId();
  }

  apply(changes: readonly StateChange[]): void {
    this.#write((store) => store.apply(changes));
  }

  close(): void {}

  #alive(): Store {
    this.#life.check();
    return this.#inner;
  }

  #write<T>(action: (store: Store) => T): T {
    const store = this.#alive();
    const how = ++this.writes === this.#fault?.at ? this.#fault.how : null;
    if (how === "fail") throw new StateError("The state file cannot be written: disk full", { component: "database" });
    if (how === "kill-before") this.#life.kill();
    this.#life.check();
    const result = action(store);
    if (how === "kill-after") this.#life.kill();
    this.#life.check();
    return result;
  }
}
