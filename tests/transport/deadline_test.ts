// The connect deadline with a clock that is moved by hand.

import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { Interrupted, TransportError } from "../../lib/errors.ts";
import { connectDeadline } from "../../lib/transport/deadline.ts";

class HandClock implements Clock {
  #now = 0;
  #timers = new Map<number, [number, () => void]>();
  #count = 0;
  get pending(): number {
    return this.#timers.size;
  }
  now(): number {
    return this.#now;
  }
  after(ms: number, callback: () => void): () => void {
    const id = ++this.#count;
    this.#timers.set(id, [this.#now + ms, callback]);
    return () => void this.#timers.delete(id);
  }
  advance(ms: number): void {
    this.#now += ms;
    for (const [id, [due, callback]] of this.#timers) {
      if (due <= this.#now && this.#timers.delete(id)) callback();
    }
  }
}

function start(clock: Clock, parent: AbortSignal) {
  return connectDeadline({ clock, parent, component: "remote", peer: "imap.example.net:993" });
}

Deno.test("`connectDeadline()` aborts after 30 s with a timeout that names the peer", () => {
  const clock = new HandClock();
  const { signal } = start(clock, new AbortController().signal);
  clock.advance(29_999);
  assert.equal(signal.aborted, false);
  clock.advance(1);
  assert.ok(signal.reason instanceof TransportError);
  assert.equal(signal.reason.phase, "timeout");
  assert.equal(signal.reason.component, "remote");
  assert.equal(signal.reason.message, "No answer from imap.example.net:993 within 30 s");
});

Deno.test("`connectDeadline()` follows its parent, with the parent's reason, also when that came first", () => {
  const clock = new HandClock();
  const parent = new AbortController();
  const reason = new Interrupted("SIGINT");
  const { signal } = start(clock, parent.signal);
  parent.abort(reason);
  assert.equal(signal.reason, reason);
  assert.equal(clock.pending, 0);
  assert.equal(start(clock, parent.signal).signal.reason, reason);
  assert.equal(clock.pending, 0);
});

Deno.test("`connectDeadline()` never aborts once cleared, and leaves no timer", () => {
  const clock = new HandClock();
  const parent = new AbortController();
  const deadline = start(clock, parent.signal);
  deadline.clear();
  deadline.clear();
  assert.equal(clock.pending, 0);
  clock.advance(60_000);
  parent.abort();
  assert.equal(deadline.signal.aborted, false);
});
