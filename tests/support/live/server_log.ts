// Which lines of a Dovecot log mean that something went wrong. Pure: text in, lines out.

/** Lines that look like errors and are none, and why. */
const HARMLESS: readonly (readonly [line: RegExp, reason: string])[] = [
  [
    /Error: stats: .*(?:EPIPE|Broken pipe)/,
    "a process that writes its numbers when the one that collects them was killed",
  ],
];

const COMPLAINT = /\b(?:Error|Fatal|Panic): /;

/** The lines that nobody announced. */
export function complaintsIn(log: string, announced: readonly RegExp[] = []): readonly string[] {
  const excused = [...HARMLESS.map(([line]) => line), ...announced];
  return log.split("\n").filter((line) => COMPLAINT.test(line) && !excused.some((pattern) => pattern.test(line)));
}
