import assert from "node:assert/strict";
import { mutated } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const ROOT = new URL("../../", import.meta.url);

/** What is wrong with the defects, one line each. */
function complaints(check: (mutant: typeof MUTANTS[number]) => void): readonly string[] {
  return MUTANTS.flatMap((mutant) => {
    try {
      check(mutant);
      return [];
    } catch (error) {
      return [`${mutant.name}: ${error instanceof Error ? error.message : error}`];
    }
  });
}

Deno.test("every seeded defect fits the code as it is: its text is in its file once", () => {
  const check = (mutant: typeof MUTANTS[number]) => {
    const text = Deno.readTextFileSync(new URL(mutant.file, ROOT));
    assert.notEqual(mutated(mutant, text), text, "it changes nothing");
  };
  assert.deepEqual(complaints(check), []);
});

Deno.test("every seeded defect names the tests that notice it", () => {
  const check = ({ tests }: typeof MUTANTS[number]) => {
    assert.ok(tests.length > 0, "no test is listed");
    for (const path of tests) assert.ok(Deno.statSync(new URL(path, ROOT)).isFile);
  };
  assert.deepEqual(complaints(check), []);
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length, "a name stands twice");
});
