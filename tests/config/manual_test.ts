// The manual and the sample configuration say what the program takes: every option of both tables is in the page, every
// option of the configuration file is in the sample, and what the sample shows can be used as it stands there.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { OPTION_SPELLINGS } from "../../lib/cli/args.ts";
import { DEFAULT_SECTION, parseIni } from "../../lib/config/ini.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import { OPTIONS, type OptionSpec } from "../../lib/config/options.ts";

const PAGE = new URL("../../man/interimap.1", import.meta.url);
const SAMPLE = new URL("../../man/sample.config", import.meta.url);

const page = Deno.readTextFileSync(PAGE);
const sample = Deno.readTextFileSync(SAMPLE);

/** Options that the sample shows without using them. */
const examples = [...sample.matchAll(/^#(?!\s)(\S+) =(.*)$/gm)].map(([line, name = "", value = ""]) => ({
  line,
  name,
  value: value.trim(),
}));

/** The sample without its examples, each line in place. */
function withExample(line: string): string {
  return sample.replace(`\n${line}\n`, `\n${line.slice(1)}\n`);
}

/** What `loadConfig()` makes of a text, with its files in a directory that is removed afterwards. */
function load(text: string): ReturnType<typeof loadConfig> {
  const directory = Deno.makeTempDirSync({ prefix: "interimap-" });
  try {
    Deno.writeTextFileSync(`${directory}/config`, text);
    return loadConfig(`${directory}/config`, { HOME: directory, XDG_CONFIG_HOME: null, XDG_DATA_HOME: directory });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** The item of the page on an option of the configuration, up to the next item. */
function itemOn(name: string): string | null {
  const [, rest] = page.split(`\n.It Cm ${name}\n`, 2);
  return rest?.split(/^\.(?:It|El)\b/m, 1)[0] ?? null;
}

Deno.test("the manual page has an item for every option of the command line", () => {
  const items = [...page.matchAll(/^\.It (Fl .*)$/gm)].map(([item]) => item);
  const documented = items.flatMap((item) => [...item.matchAll(/(?:Fl|,) -?([a-z][a-z-]*)/g)].map(([, name]) => name));
  deepStrictEqual(documented.toSorted(), [...OPTION_SPELLINGS].toSorted());
});

Deno.test("the manual page has an item for every option of the configuration, and for no other", () => {
  const items = [...page.matchAll(/^\.It Cm (.*)$/gm)].map(([, name = ""]) => name);
  deepStrictEqual(items.toSorted(), [...OPTIONS.keys()].toSorted());
});

Deno.test("the manual page tells the default of every option that has one", () => {
  const shown = (text: string) => text.replaceAll("\\e", "\\").replaceAll("\\&", "");
  const untold = [...OPTIONS.values()].filter((spec) =>
    [spec.default.local, spec.default.remote].some((value) =>
      value !== null && value !== "" && !shown(itemOn(spec.name)?.split("Default:")[1] ?? "").includes(value)
    )
  );
  deepStrictEqual(untold.map(({ name }) => name), []);
});

Deno.test("the manual page decides every defect of the original", () => {
  const items = [...page.matchAll(/^\.It (B\d+)$/gm)].map(([, name]) => name);
  deepStrictEqual(items, Array.from({ length: 36 }, (_, i) => `B${i + 1}`));
});

const mandoc = (() => {
  const path = Deno.env.get("PATH") ?? "";
  return path.split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/mandoc`).isFile;
    } catch {
      return false;
    }
  });
})();

Deno.test({
  name: `the manual page is clean mdoc(7)${mandoc ? "" : " (left out: mandoc is not installed)"}`,
  ignore: !mandoc,
  fn: async () => {
    const child = new Deno.Command("mandoc", { args: ["-T", "lint", PAGE.pathname], stdout: "piped", stderr: "piped" });
    const { code, stdout, stderr } = await child.output();
    strictEqual(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr), "");
    strictEqual(code, 0);
  },
});

Deno.test("the sample configuration has every option, at a place where it works", () => {
  const scope = (section: string): OptionSpec["scope"] => section === DEFAULT_SECTION ? "global" : "server";
  const everything = examples.reduce((text, { line }) => text.replace(`\n${line}\n`, `\n${line.slice(1)}\n`), sample);
  const found = new Map<string, OptionSpec["scope"]>();
  for (const section of parseIni(new TextEncoder().encode(everything), "sample.config").values()) {
    for (const name of section.entries.keys()) found.set(name, scope(section.name));
  }
  const expected = new Map([...OPTIONS.values()].map((spec) => [spec.name, spec.scope]));
  deepStrictEqual([...found].toSorted(), [...expected].toSorted());
});

Deno.test("`loadConfig()` takes the sample configuration as it is", () => {
  const { config, warnings } = load(sample);
  deepStrictEqual(warnings, []);
  strictEqual(config.local.type, "tunnel");
  strictEqual(config.remote.type, "imaps");
  strictEqual(config.remote.host, "imap.example.org");
  match(config.database, /\/interimap\/example\.db$/);
});

Deno.test("the sample configuration shows valid values, each with a line on it", () => {
  for (const { line, name, value } of examples) {
    ok(OPTIONS.get(name)?.accepts(value), line);
    const [before = ""] = sample.split(`\n${line}\n`);
    match(before.slice(before.lastIndexOf("\n") + 1), /^# .{10}|^#SSL_/, line);
  }
});

for (const { line, name } of examples) {
  Deno.test(`\`loadConfig()\` takes the sample configuration with ${name} in use`, () => {
    const { warnings } = load(withExample(line));
    ok(warnings.every((warning) => /deprecated/.test(warning)), warnings.join("\n"));
  });
}
