// SEARCH of the model server with RETURN (RFC 9051 6.4.4, RFC 4731, RFC 7162 3.1.5): sets, flags and mod-sequences,
// which is all that a synchronizer asks for.

import type { Answer } from "./model_answer.ts";
import type { ModelMessage } from "./model_mailstore.ts";
import { atom, BadSyntax, list, type RawCommand, type Token } from "./model_parser.ts";
import type { ModelSession } from "./model_session.ts";
import { formatSet, inSet, parseSet } from "./model_values.ts";

const FLAG_KEYS = ["ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN"];

export function search(session: ModelSession, args: readonly Token[], command: RawCommand, byUid: boolean): Answer {
  const rest = [...args];
  const returned = returnOptions(session, rest);
  const { messages, name } = session.selected;
  const { hideFromSearch } = session.server.lies;
  const wanted = criteria(session, rest);
  const numbers = messages.flatMap((message, index) =>
    wanted(message, index + 1) && hideFromSearch?.(name, message.uid) !== true ? [byUid ? message.uid : index + 1] : []
  );
  if (returned === null) session.line(["* SEARCH", ...numbers].join(" "));
  else {
    const parts = [`* ESEARCH (TAG "${command.tag}")`];
    if (byUid) parts.push("UID");
    if (returned.includes("MIN") && numbers.length > 0) parts.push(`MIN ${numbers[0]}`);
    if (returned.includes("MAX") && numbers.length > 0) parts.push(`MAX ${numbers.at(-1)}`);
    if (returned.includes("ALL") && numbers.length > 0) parts.push(`ALL ${formatSet(numbers)}`);
    if (returned.includes("COUNT")) parts.push(`COUNT ${numbers.length}`);
    session.line(parts.join(" "));
  }
  return { text: "Search completed." };
}

function returnOptions(session: ModelSession, rest: Token[]): readonly string[] | null {
  const [first] = rest;
  if (first?.kind !== "atom" || first.text.toUpperCase() !== "RETURN") return null;
  if (!session.server.has("ESEARCH")) throw new BadSyntax("ESEARCH was not offered");
  rest.shift();
  const names = list(rest.shift()).map((item) => atom(item).toUpperCase());
  return names.length === 0 ? ["ALL"] : names;
}

type Criterion = (message: ModelMessage, seq: number) => boolean;

/** All keys that are left, together. */
function criteria(session: ModelSession, rest: Token[]): Criterion {
  const all: Criterion[] = [];
  while (rest.length > 0) all.push(criterion(session, rest));
  if (all.length === 0) throw new BadSyntax("Missing search key");
  return (message, seq) => all.every((one) => one(message, seq));
}

function criterion(session: ModelSession, rest: Token[]): Criterion {
  const token = rest.shift();
  if (token?.kind === "list") return criteria(session, [...token.items]);
  const key = atom(token).toUpperCase();
  const flag = FLAG_KEYS.find((name) => name === key || `UN${name}` === key);
  if (flag !== undefined) {
    const name = `\\${flag[0]}${flag.slice(1).toLowerCase()}`;
    return ({ flags }) => flags.includes(name) === (key === flag);
  }
  switch (key) {
    case "ALL":
      return () => true;
    case "NOT": {
      const inner = criterion(session, rest);
      return (message, seq) => !inner(message, seq);
    }
    case "UID": {
      const set = parseSet(atom(rest.shift()), session.selected.lastUid);
      if (set === null) throw new BadSyntax("Invalid UID set");
      return ({ uid }) => inSet(set, uid);
    }
    case "KEYWORD":
    case "UNKEYWORD": {
      const keyword = atom(rest.shift());
      return ({ flags }) => flags.includes(keyword) === (key === "KEYWORD");
    }
    case "MODSEQ": {
      const from = BigInt(atom(rest.shift()));
      return ({ modSeq }) => modSeq >= from;
    }
  }
  const set = parseSet(key, session.selected.messages.length);
  if (set === null) throw new BadSyntax(`unknown search key ${key}`);
  return (_, seq) => inSet(set, seq);
}
