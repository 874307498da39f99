// A seeded defect: what it is made of, and how it gets into a text.

/** A mistake: a text that is found exactly once in a file is replaced by another. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test files that notice it, the quick ones first. */
  readonly tests: readonly string[];
}

/** The file's text with the defect. @throws Error when the defect does not fit the text any more */
export function mutated(mutant: Mutant, text: string): string {
  const times = text.split(mutant.find).length - 1;
  if (times !== 1) throw new Error(`${mutant.name}: its text is ${times} times in ${mutant.file}, not once`);
  return text.replace(mutant.find, () => mutant.replace);
}
