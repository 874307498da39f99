// Where in the sources the stack of a bug points to: build/interimap has short names and long lines. Reads a report and
// prints it with a place for each that it names. The sources must be those of the program that printed it.

import { SourceMap } from "node:module";

const FRAME = /[^\s(]*interimap(?<suffix>\.js)?:(?<line>\d+):(?<column>\d+)(?=\)?$)/;

function read(file: string): string {
  return Deno.readTextFileSync(new URL(`../build/${file}`, import.meta.url));
}

function lines(text: string): number {
  return text.split("\n").length;
}

/** The line of a report with the place in the sources instead of that in the built program, if it names one. */
function resolved(text: string, map: SourceMap, offsetOf: (file: string) => number): string {
  return text.replace(FRAME, (frame, ...matched) => {
    const { suffix = "", line, column } = matched.at(-1);
    const entry = map.findEntry(Number(line) - 1 - offsetOf(`interimap${suffix}`), Number(column) - 1);
    if (!("originalSource" in entry)) return frame;
    return `${entry.originalSource.replace(/^.*\/(?=lib\/|main\.ts$)/, "")}:${entry.originalLine + 1}`;
  });
}

const map = new SourceMap(JSON.parse(read("main.js.map")));
const bundled = lines(read("main.js"));
/** Lines that the build has put before those of the bundler. */
const offsetOf = (file: string): number => lines(read(file)) - bundled;
const report = await new Response(Deno.stdin.readable).text();
for (const text of report.trimEnd().split("\n")) console.log(resolved(text, map, offsetOf));
