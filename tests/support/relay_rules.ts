// What a relay may do with what passes through it, as values that can be put together. Knows lines, not connections:
// relay.ts applies the rules. Only for connections in clear text without compression.

/** Who sent a line. */
export type Sender = "client" | "server";

/**
 * What becomes of a line. A line is meant with the literals that belong to it.
 * - "drop": it is swallowed.
 * - "cut": neither this line nor anything after it is passed on, and the connection is cut.
 * - "stall": neither this line nor anything after it from this sender is passed on, and the connection stays open.
 * - `afterwards`: passed on, and nothing else is passed on either way until the promise of the function is settled.
 * - `instead`: these lines take its place (literals follow the last); then, with `cut`, the connection is cut.
 * - `reply`: not passed on; the sender gets this line for an answer.
 */
export type Verdict =
  | "pass"
  | "drop"
  | "cut"
  | "stall"
  | { readonly afterwards: () => Promise<void> }
  | { readonly instead: readonly string[]; readonly cut?: boolean }
  | { readonly reply: string };

/** A number for each sender; absent: nothing is done. */
export type BySender = Readonly<Partial<Record<Sender, number>>>;

export interface RelayRules {
  /**
   * Called for every line (without CRLF, literals left out) before it is passed on; may take its time. `connection`
   * counts from 1. A line that goes on after a literal is shown as well.
   */
  readonly line?: (sender: Sender, text: string, connection: number) => Verdict | Promise<Verdict>;
  /** Cuts the connection after this many octets of one sender, counted over all connections. */
  readonly cutAfter?: { readonly sender: Sender; readonly octets: number; readonly also?: () => void };
  /** Milliseconds that everything of a sender is under way. */
  readonly delay?: BySender;
  /** Octets that are written at once. */
  readonly chunk?: BySender;
  /** Octets per second. */
  readonly rate?: BySender;
}

type LineRule = NonNullable<RelayRules["line"]>;

/**
 * Several rules at once. Lines go through them in this order, each as the one before has left it; the first verdict
 * that passes nothing on, or acts, is the last. Of two numbers for the same thing the later counts.
 */
export function together(...rules: readonly RelayRules[]): RelayRules {
  const merged: RelayRules = Object.assign({}, ...rules);
  const join = (name: "delay" | "chunk" | "rate"): BySender => Object.assign({}, ...rules.map((rule) => rule[name]));
  const lines = rules.flatMap(({ line }) => line ?? []);
  return { ...merged, delay: join("delay"), chunk: join("chunk"), rate: join("rate"), line: inTurn(lines) };
}

function inTurn([first, ...rest]: readonly LineRule[]): LineRule {
  if (first === undefined) return () => "pass";
  const next = inTurn(rest);
  return async (sender, text, connection) => {
    const verdict = await first(sender, text, connection);
    if (verdict === "pass") return await next(sender, text, connection);
    if (typeof verdict === "string" || !("instead" in verdict)) return verdict;
    const lines: string[] = [];
    const state = { cut: verdict.cut ?? false };
    for (const line of verdict.instead) {
      const later = await next(sender, line, connection);
      if (later === "pass") lines.push(line);
      else if (later === "drop") continue;
      else if (typeof later === "string" || !("instead" in later)) return later;
      else {
        lines.push(...later.instead);
        state.cut ||= later.cut ?? false;
      }
    }
    return { instead: lines, cut: state.cut };
  };
}

function each(senders: readonly Sender[], number: number): BySender {
  return Object.fromEntries(senders.map((sender) => [sender, number]));
}

const BOTH: readonly Sender[] = ["client", "server"];

/** A long way: everything arrives so many milliseconds later. */
export function delay(milliseconds: number, ...senders: readonly Sender[]): RelayRules {
  return { delay: each(senders.length === 0 ? BOTH : senders, milliseconds) };
}

/** Cut into pieces of so many octets, and the last of what came at once may be smaller. */
export function chunk(octets: number, ...senders: readonly Sender[]): RelayRules {
  return { chunk: each(senders.length === 0 ? BOTH : senders, octets) };
}

/** A thin line. */
export function rate(octetsPerSecond: number, ...senders: readonly Sender[]): RelayRules {
  return { rate: each(senders.length === 0 ? BOTH : senders, octetsPerSecond) };
}

/** Cuts after so many octets. */
export function cutAfter(sender: Sender, octets: number, also?: () => void): RelayRules {
  return { cutAfter: { sender, octets, ...(also === undefined ? {} : { also }) } };
}

/** Does something with the first line of a sender that is like the pattern; counted over all connections. */
function once(sender: Sender, pattern: RegExp, verdict: (text: string) => Verdict): RelayRules {
  const state = { done: false };
  return {
    line: (from, text) => {
      if (from !== sender || state.done || !pattern.test(text)) return "pass";
      state.done = true;
      return verdict(text);
    },
  };
}

/** Cuts before or after the first line that is like the pattern. */
export function cutAt(sender: Sender, pattern: RegExp, where: "before" | "after" = "before"): RelayRules {
  return once(sender, pattern, (text) => where === "before" ? "cut" : { instead: [text], cut: true });
}

/** Passes nothing of the sender on from the first line that is like the pattern, and keeps the connection open. */
export function stall(sender: Sender, pattern: RegExp): RelayRules {
  return once(sender, pattern, () => "stall");
}

/** Puts a line before each that is like the pattern. */
export function inject(sender: Sender, pattern: RegExp, line: string): RelayRules {
  return { line: (from, text) => from === sender && pattern.test(text) ? { instead: [line, text] } : "pass" };
}

/** Replaces in each line, as String.replace() does. */
export function replace(sender: Sender, pattern: RegExp, replacement: string): RelayRules {
  return {
    line: (from, text) => {
      const changed = from === sender ? text.replace(pattern, replacement) : text;
      return changed === text ? "pass" : { instead: [changed] };
    },
  };
}

/** The server's tagged answer to the first command that is like the pattern never arrives. */
export function swallowAnswer(command: RegExp): RelayRules {
  const state: { tag: string | null; connection: number } = { tag: null, connection: 0 };
  return {
    line: (sender, text, connection) => {
      if (sender === "client") {
        if (state.tag === null && command.test(text)) Object.assign(state, { tag: text.split(" ")[0], connection });
        return "pass";
      }
      return state.connection === connection && text.startsWith(`${state.tag} `) ? "drop" : "pass";
    },
  };
}

/** What only a server with the capability understands, without the tag. */
const USES: Readonly<Record<string, RegExp>> = {
  "COMPRESS=DEFLATE": /^COMPRESS /i,
  "ENABLE": /^ENABLE /i,
  "ESEARCH": /^(UID )?SEARCH RETURN /i,
  "IDLE": /^IDLE$/i,
  "LIST-EXTENDED": /^LIST .* RETURN /i,
  "LIST-STATUS": /^LIST .* RETURN \(.*STATUS/i,
  "LITERAL+": /\{\d+\+\}$/,
  "MOVE": /^(UID )?MOVE /i,
  "NOTIFY": /^NOTIFY /i,
  "QRESYNC": /^ENABLE .*\bQRESYNC\b|^(SELECT|EXAMINE) .*\(QRESYNC /i,
  "STARTTLS": /^STARTTLS$/i,
  "UIDPLUS": /^UID EXPUNGE /i,
  "UNSELECT": /^UNSELECT$/i,
};

/** Hides a capability, and answers BAD to what needs it. @throws Error for one whose use cannot be told from a line */
export function forbid(capability: string): RelayRules {
  const use = USES[capability];
  if (use === undefined) throw new Error(`It is not known what needs ${capability}`);
  return {
    line: (sender, text) => {
      if (sender === "client") {
        const [tag = "*", ...rest] = text.split(" ");
        if (!use.test(rest.join(" "))) return "pass";
        // Where there is no literal the server itself says BAD, when it is that command's turn.
        if (!text.endsWith("}")) return { instead: [`${tag} FORBIDDEN-${capability}`] };
        return { reply: `${tag} BAD ${capability} is forbidden` };
      }
      if (!/\bCAPABILITY\b/i.test(text)) return "pass";
      const names = text.split(/(?=[ \]])/).filter((name) => name.toUpperCase() !== ` ${capability}`);
      return { instead: [names.join("")] };
    },
  };
}
