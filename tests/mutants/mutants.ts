// The seeded defects of `make mutants`: each is a mistake that would lose or double mail, or act on a lie. A text that is
// found exactly once in a file is replaced by another; some test must then fail. Data only.

export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "no append intent is written",
    file: "lib/sync/append_queue.ts",
    find: '      kind: "intend",\n',
    replace: '      kind: "settle",\n      id: 0,\n    }, {\n      kind: "settle",\n',
  },
  {
    name: "HIGHESTMODSEQ is raised by what comes after SELECT's own value",
    file: "lib/client/selected.ts",
    find: "this.highestModSeq ??= code.modSeq;",
    replace: "this.highestModSeq = code.modSeq;",
  },
  {
    name: "what comes after the freeze still counts",
    file: "lib/client/selected.ts",
    find: "    if (this.#frozen) return;\n    switch (data.kind) {",
    replace: "    switch (data.kind) {",
  },
  {
    name: "UIDVALIDITY is not compared",
    file: "lib/sync/observe.ts",
    find: "if (cursor !== null && cursor.uidValidity !== uidValidity) {",
    replace: "if (cursor !== null && cursor.uidValidity === 0) {",
  },
  {
    name: "MAILBOXID is not compared",
    file: "lib/sync/observe.ts",
    find: "known !== selected.mailboxId) {",
    replace: 'known === "") {',
  },
  {
    name: "a HIGHESTMODSEQ that went back is believed",
    file: "lib/sync/observe.ts",
    find: "cursor.highestModSeq > selected.highestModSeq) {",
    replace: "cursor.highestModSeq < 0n) {",
  },
  {
    name: "OK to EXPUNGE counts as done",
    file: "lib/sync/execute.ts",
    find: "const kept = unreported.isEmpty ? unreported : await session.search(unreported);",
    replace: "const kept = UidSet.empty;",
  },
  {
    name: "OK to STORE counts as done",
    file: "lib/sync/execute.ts",
    find: "(enough.has(items.flags.key) ? equal : different).push(items.uid);",
    replace: "equal.push(items.uid);",
  },
  {
    name: "a refused conditional store counts as done",
    file: "lib/sync/execute.ts",
    find: "retry: !refused.isEmpty, failed",
    replace: "retry: false, failed",
  },
  {
    name: "messages that are known and unmapped are not counted",
    file: "lib/sync/observe.ts",
    find: "known: store.pairCount(idx) + known.unmapped.size,",
    replace: "known: store.pairCount(idx),",
  },
  {
    name: "VANISHED is believed without asking again",
    file: "lib/sync/mailbox.ts",
    find: "if (doomed.length === 0) return observation;",
    replace: "if (doomed.length >= 0) return observation;",
  },
  {
    name: "EXISTS proves nothing",
    file: "lib/sync/observe.ts",
    find: "if (accounts(census)) {",
    replace: "if (accounts(census) || census.exists >= 0) {",
  },
  {
    name: "the union is forgotten: the local flags win",
    file: "lib/sync/plan.ts",
    find: "const union = unionFlags(localChange, remoteChange);",
    replace: "const union = unionFlags(localChange, localChange);",
  },
  {
    name: "half a stored union counts as agreed",
    file: "lib/sync/mailbox.ts",
    find: "if (confirmed === planned) this.#agreed",
    replace: "if (confirmed > 0) this.#agreed",
  },
  {
    name: "a batch is committed twice",
    file: "lib/sync/append_queue.ts",
    find: 'this.#confirmed.push({ kind: "pair", idx, pairs });',
    replace: 'this.#confirmed.push({ kind: "pair", idx, pairs }, { kind: "pair", idx, pairs });',
  },
  {
    name: "the sample is off by one",
    file: "lib/sync/sample.ts",
    find: "UidSet.range(",
    replace: "UidSet.range(1 + ",
  },
  {
    name: "literals are counted without their last octet",
    file: "lib/protocol/encoder.ts",
    find: "  return synchronizing ? `{${octets}}` : `{${octets}+}`;",
    replace: "  return synchronizing ? `{${octets - 1}}` : `{${octets - 1}+}`;",
  },
  {
    name: "a large literal does not wait for the server",
    file: "lib/protocol/encoder.ts",
    find: "export const MAX_NONSYNC_OCTETS = 1048576;",
    replace: "export const MAX_NONSYNC_OCTETS = 1e12;",
  },
  {
    name: "BAD to a command with a literal leaves the connection open",
    file: "lib/client/connection.ts",
    find: 'if (status.status === "BAD" &&',
    replace: 'if (status.status === "BYE" &&',
  },
  {
    name: "capabilities said in the clear survive STARTTLS",
    file: "lib/client/open.ts",
    find: "  session.forgetCapabilities();\n",
    replace: "",
  },
  {
    name: "known UIDs end at UIDNEXT: an interrupted run loses changes",
    file: "lib/sync/observe.ts",
    find: "knownUids: UidSet.range(1, highest),",
    replace: "knownUids: UidSet.range(1, cursor.uidNext - 1),",
  },
  {
    name: "the cursor moves past a message that was refused",
    file: "lib/sync/mailbox.ts",
    find: "const uidNext = uncopied.isEmpty ?",
    replace: "const uidNext = uncopied.size >= 0 ?",
  },
  {
    name: "the cursor moves although the other side refused",
    file: "lib/sync/mailbox.ts",
    find: "propagated: !other.retry && !other.failed,",
    replace: "propagated: true,",
  },
  {
    name: "a side that we changed is not looked at again",
    file: "lib/sync/mailbox.ts",
    find: "done[side].touched || !done[side].propagated",
    replace: "!done[side].propagated",
  },
  {
    name: "flags that did not get across do not meet what changed there meanwhile",
    file: "lib/sync/mailbox.ts",
    find: "done[side].touched || !done[side].propagated",
    replace: "done[side].touched",
  },
  {
    name: "recovery pairs by size alone",
    file: "lib/sync/recover.ts",
    find: "  return `${message.octets} ${message.internalDate} ${message.headerDigest}`;",
    replace: "  return `${message.octets}`;",
  },
  {
    name: "an APPENDUID of another UIDVALIDITY is believed",
    file: "lib/sync/append_queue.ts",
    find: "if (uidValidity !== targetUidValidity) {",
    replace: "if (uidValidity === 0) {",
  },
  {
    name: "the subscription is changed on the wrong side",
    file: "lib/sync/mailbox_list.ts",
    find: 'const side = local === row.subscribed ? "local" : "remote";',
    replace: 'const side = local === row.subscribed ? "remote" : "local";',
  },
  {
    name: "a UID set is cut in the wrong place",
    file: "lib/protocol/uid_set.ts",
    find: "length + 1 + word > octets",
    replace: "length + 1 + word > 2 * octets",
  },
  {
    name: "mailbox rows survive a failed CREATE",
    file: "lib/sync/mailboxes.ts",
    find: "        await creating;\n",
    replace: "        await creating.catch(() => {});\n",
  },
  {
    name: "facts survive although the original ran in between",
    file: "lib/state/facts.ts",
    find: "if (overtaken.length > 0) dropFacts",
    replace: "if (overtaken.length < 0) dropFacts",
  },
];
