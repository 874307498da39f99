// One FETCH response of the model server: the items of a message that were asked for (RFC 9051 7.5.2). Decides nothing
// about which messages are told.

import type { ModelMessage } from "./model_mailstore.ts";
import { BadSyntax } from "./model_parser.ts";
import { formatDate, octetsOf, textOf } from "./model_values.ts";

type Parts = readonly (string | Uint8Array)[];

/**
 * What stands between the parentheses; null when the body of a message that is gone was asked for.
 * `byUid`, `modSeq`: UID and MODSEQ are told though nobody asked for them.
 */
export function fetchLine(
  message: ModelMessage,
  items: readonly string[],
  unasked: { readonly byUid: boolean; readonly modSeq: boolean },
  exists: boolean,
): Parts | null {
  const asked = items.map((item) => item.toUpperCase());
  const all = [...items];
  if (unasked.byUid && !asked.includes("UID")) all.unshift("UID");
  if (unasked.modSeq && !asked.includes("MODSEQ")) all.push("MODSEQ");
  if (!exists && asked.some((item) => !["UID", "FLAGS", "MODSEQ"].includes(item))) return null;
  return all.flatMap((item, index) => index === 0 ? itemOf(message, item) : [" ", ...itemOf(message, item)]);
}

function itemOf(message: ModelMessage, item: string): Parts {
  const { uid, flags, date, body, modSeq } = message;
  const name = item.toUpperCase();
  switch (name) {
    case "UID":
      return [`UID ${uid}`];
    case "FLAGS":
      return [`FLAGS (${flags.join(" ")})`];
    case "INTERNALDATE":
      return [`INTERNALDATE "${formatDate(date)}"`];
    case "RFC822.SIZE":
      return [`RFC822.SIZE ${body.length}`];
    case "MODSEQ":
      return [`MODSEQ (${modSeq})`];
    case "BODY.PEEK[]":
      return [`BODY[] {${body.length}}\r\n`, body];
  }
  const fields = /^BODY\.PEEK\[HEADER\.FIELDS \(([^)]*)\)\]$/.exec(name)?.[1];
  if (fields === undefined) throw new BadSyntax(`unknown FETCH item ${item}`);
  const header = octetsOf(headerFields(textOf(body), fields.split(" ")));
  return [`BODY[HEADER.FIELDS (${fields})] {${header.length}}\r\n`, header];
}

/** The named fields with their continuation lines, and the empty line behind them. */
function headerFields(message: string, names: readonly string[]): string {
  const header = /^([^]*?\r\n)\r\n/.exec(message)?.[1] ?? message;
  const fields = header.split(/(?<=\n)(?![ \t])/);
  const wanted = fields.filter((field) => names.includes((/^([^:\s]+)\s*:/.exec(field)?.[1] ?? "").toUpperCase()));
  return `${wanted.join("")}\r\n`;
}
