// The version of the program; deno.json says the same (tests/cli/version_test.ts).

export const VERSION = "0.1.0";
