// Flag sets held against plain Sets of strings.

import assert from "node:assert/strict";
import fc from "fast-check";
import { flagText, isSendableFlag, keptFlags, makeFlagSet, NO_FLAGS, unionFlags } from "../../lib/protocol/flags.ts";

const SYSTEM = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/** A word in any mixture of cases. */
function anyCase(word: string): fc.Arbitrary<string> {
  return fc.array(fc.boolean(), { minLength: word.length, maxLength: word.length }).map((upper) =>
    [...word].map((letter, i) => upper[i] === true ? letter.toUpperCase() : letter.toLowerCase()).join("")
  );
}

/** A flag as a server may spell it, and how the canonical set spells it; null: not at all. */
interface Spelled {
  readonly flag: string;
  readonly canonical: string | null;
}

const spelled: fc.Arbitrary<Spelled> = fc.oneof(
  fc.constantFrom(...SYSTEM).chain((canonical) => anyCase(canonical).map((flag) => ({ flag, canonical }))),
  anyCase("\\Recent").map((flag) => ({ flag, canonical: null })),
  fc.constantFrom("$Forwarded", "$forwarded", "work", "Work", "Seen", "NonJunk", "\\X-Odd", "\\x-odd", "!", "\xe9")
    .map((flag) => ({ flag, canonical: flag })),
);

const spelledLists = fc.array(spelled, { maxLength: 10 });

function flagsOf(list: readonly Spelled[]): string[] {
  return list.map(({ flag }) => flag);
}

/** Of flags that differ in case only, the lower one by octets. */
function modelOf(list: readonly Spelled[]): Set<string> {
  const flags = byOctets(list.flatMap(({ canonical }) => canonical === null ? [] : [canonical]));
  return new Set(flags.filter((flag, at) => flags.findIndex((other) => folded(other) === folded(flag)) === at));
}

function folded(flag: string): string {
  return SYSTEM.includes(flag) ? flag : flag.toLowerCase();
}

function foldedModelOf(list: readonly Spelled[]): Set<string> {
  return new Set([...modelOf(list)].map(folded));
}

function byOctets(flags: Iterable<string>): string[] {
  return [...flags].sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
}

Deno.test("`makeFlagSet()` drops doubles and \\Recent, sorts by octets, and spells system flags in one way", () => {
  fc.assert(fc.property(spelledLists, (list) => {
    const set = makeFlagSet(flagsOf(list));
    assert.deepEqual(set.flags, byOctets(modelOf(list)));
    assert.equal(set.key, byOctets(set.flags.map(folded)).join(" "));
  }));
});

Deno.test("`makeFlagSet()` gives equal keys to equal sets and only to those", () => {
  fc.assert(fc.property(spelledLists, spelledLists, (a, b) => {
    const same = foldedModelOf(a).symmetricDifference(foldedModelOf(b)).size === 0;
    assert.equal(makeFlagSet(flagsOf(a)).key === makeFlagSet(flagsOf(b)).key, same);
  }));
});

Deno.test("`makeFlagSet()` changes nothing when the set is canonical", () => {
  fc.assert(fc.property(spelledLists, (list) => {
    const set = makeFlagSet(flagsOf(list));
    assert.deepEqual(makeFlagSet(set.flags), set);
    assert.deepEqual(makeFlagSet([...set.flags].reverse()), set);
  }));
});

Deno.test("`makeFlagSet()` takes keywords for the same whatever their case, and no keyword for a system flag", () => {
  const set = makeFlagSet(["work", "Work", "seen", "\\seen", "$Junk"]);
  assert.deepEqual(set.flags, ["$Junk", "Work", "\\Seen", "seen"]);
  assert.equal(set.key, "$junk \\Seen seen work");
  assert.equal(flagText(set), "$Junk Work \\Seen seen");
});

Deno.test("`makeFlagSet()` is NO_FLAGS when nothing is left", () => {
  assert.equal(makeFlagSet([]), NO_FLAGS);
  assert.equal(makeFlagSet(["\\RECENT"]), NO_FLAGS);
  assert.deepEqual(NO_FLAGS, { flags: [], key: "" });
});

Deno.test("`unionFlags()` has the flags of both, whatever their order", () => {
  fc.assert(fc.property(spelledLists, spelledLists, (a, b) => {
    const [one, other] = [makeFlagSet(flagsOf(a)), makeFlagSet(flagsOf(b))];
    const both = unionFlags(one, other);
    // As one of them spells it, when they differ in case only.
    assert.deepEqual(new Set(both.flags.map(folded)), foldedModelOf([...a, ...b]));
    assert.equal(both.flags.length, foldedModelOf([...a, ...b]).size);
    assert.equal(both.key, unionFlags(other, one).key);
    assert.equal(unionFlags(both, one).key, both.key);
  }));
});

Deno.test("`isSendableFlag()` takes the five system flags as RFC 9051 spells them, and no other", () => {
  for (const flag of SYSTEM) assert(isSendableFlag(flag), flag);
  for (const flag of ["\\seen", "\\Recent", "\\*", "\\", "\\Custom", "Seen\\"]) assert(!isSendableFlag(flag), flag);
});

Deno.test("`isSendableFlag()` takes a keyword when every octet of it may stand in an atom, and one is there", () => {
  const specials = new Set('(){ %*"\\]');
  const octet = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 4 }), (octets) => {
      const isAtom = octets.every((each) => each > " " && each < "\x7f" && !specials.has(each));
      assert.equal(isSendableFlag(octets.join("")), octets.length > 0 && isAtom);
    }),
    { numRuns: 2000 },
  );
  for (let code = 0; code < 256; code++) {
    const each = String.fromCharCode(code);
    assert.equal(isSendableFlag(`a${each}`), each > " " && each < "\x7f" && !specials.has(each), `octet ${code}`);
  }
  for (const text of ["a\n", "a\r\n", "\na", "a)\r\nA1 DELETE x"]) assert(!isSendableFlag(text), JSON.stringify(text));
});

Deno.test("`keptFlags()` leaves what PERMANENTFLAGS lists, and any keyword when it has \\*", () => {
  const all = makeFlagSet(["\\Seen", "\\Flagged", "work", "$Junk"]);
  const kept = (permanent: readonly string[] | null): string => keptFlags(all, permanent).key;
  assert.equal(keptFlags(all, null), all);
  assert.equal(kept(["\\Seen", "\\Flagged", "\\*"]), all.key);
  assert.equal(kept(["\\Seen", "\\*"]), "$junk \\Seen work");
  assert.equal(kept(["\\seen", "\\Flagged", "WORK"]), "\\Flagged \\Seen work");
  assert.equal(kept([]), "");
  assert.equal(keptFlags(makeFlagSet(["\\Odd", "ok"]), null).key, "ok");
});

Deno.test("`keptFlags()` drops keywords that are too long, and stops at 200 flags", () => {
  const long = "x".repeat(256);
  assert.deepEqual(keptFlags(makeFlagSet([long, "\\Seen", "y".repeat(255)]), null).flags, ["\\Seen", "y".repeat(255)]);
  const many = makeFlagSet(["\\Seen", ...Array.from({ length: 300 }, (_, i) => `A${i}`)]);
  const kept = keptFlags(many, null);
  assert.equal(kept.flags.length, 200);
  assert.ok(kept.flags.includes("\\Seen"));
});
