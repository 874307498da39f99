// Untagged data about the server and its mailboxes: LIST, STATUS, SEARCH, ESEARCH, VANISHED, FLAGS, ENABLED, CAPABILITY,
// EXISTS, RECENT, EXPUNGE (RFC 9051 7.2 to 7.4, RFC 4731, 5161, 5258, 5819, 7162, 8474). FETCH has its own file.
// Every function begins behind the name of its response, and must leave the cursor at the end of the text.

import { asciiLower, asciiUpper, latin1 } from "../base/bytes.ts";
import type { Cursor } from "./cursor.ts";
import {
  acceptNil,
  astring,
  flags,
  mailbox,
  MAX_NUMBER,
  MAX_NUMBER64,
  modSequence,
  number,
  nzNumber,
  quotedOctets,
  skipValue,
  uidSet,
  uidSetIgnoringZero,
} from "./grammar.ts";
import { DQUOTE, ITEM_NAME, LPAREN, RPAREN, SP, WORD } from "./octets.ts";
import { capabilities } from "./status_response.ts";
import type { Data, StatusItems } from "./types.ts";
import { type UidSet, UidSetBuilder } from "./uid_set.ts";

type Read = (c: Cursor, nesting: number) => Data;
type Items = { -readonly [Item in keyof StatusItems]: StatusItems[Item] };

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["CAPABILITY", capabilityData],
  ["ENABLED", enabledData],
  ["ESEARCH", esearchResponse],
  ["FLAGS", flagsData],
  ["LIST", mailboxList],
  ["SEARCH", searchData],
  ["STATUS", statusData],
  ["VANISHED", vanishedData],
]);

/**
 * mailbox-data and the other untagged data without a number, the cursor at its name. A type that is not known is kept
 * by name: it is framed by its line and literals, so that nothing else can be lost with it.
 */
export function untaggedData(c: Cursor, nesting: number): Data {
  const name = asciiUpper(c.expectRun(WORD, "the name of a response"));
  const read = READERS.get(name);
  if (read === undefined) return { kind: "unknown", name };
  const data = read(c, nesting);
  c.expectEnd();
  return data;
}

/** message-data and mailbox-data that begin with a number; the cursor at the number. FETCH does not come here. */
export function numberedData(c: Cursor): Data {
  const value = number(c, MAX_NUMBER, "a number");
  c.expect(SP);
  const nameAt = c.at;
  const name = asciiUpper(c.expectRun(WORD, "the name of a response"));
  if (name === "FETCH" || (name === "EXPUNGE" && value === 0)) {
    c.at = nameAt;
    throw c.expected("a message number before, and items after it");
  }
  if (name === "EXISTS" || name === "RECENT" || name === "EXPUNGE") {
    c.expectEnd();
    return { kind: name === "EXISTS" ? "exists" : name === "RECENT" ? "recent" : "expunge", number: value };
  }
  return { kind: "unknown", name };
}

/** capability-data = "CAPABILITY" *(SP capability); exmail.qq.com leaves a space at the end. */
function capabilityData(c: Cursor): Data {
  c.expect(SP);
  return { kind: "capability", capabilities: capabilities(c) };
}

/** enable-data = "ENABLED" *(SP capability) */
function enabledData(c: Cursor): Data {
  const names: string[] = [];
  while (c.accept(SP)) {
    if (!c.atEnd) names.push(asciiUpper(c.expectRun(WORD, "a capability")));
  }
  return { kind: "enabled", names };
}

/** "FLAGS" SP flag-list */
function flagsData(c: Cursor): Data {
  c.expect(SP);
  return { kind: "flags", flags: flags(c) };
}

/**
 * mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended].
 * The extended data (OLDNAME, CHILDINFO) is skipped.
 */
function mailboxList(c: Cursor, nesting: number): Data {
  c.expect(SP);
  c.expect(LPAREN);
  const attributes: string[] = [];
  while (!c.accept(RPAREN)) {
    attributes.push(asciiLower(c.expectRun(WORD, "an attribute")));
    if (c.peek() !== RPAREN) c.expect(SP);
  }
  c.expect(SP);
  const delimiter = hierarchyDelimiter(c);
  c.expect(SP);
  const name = mailbox(c);
  if (c.accept(SP)) skipValue(c, nesting);
  return { kind: "list", mailbox: name, delimiter, attributes };
}

function hierarchyDelimiter(c: Cursor): string | null {
  if (acceptNil(c)) return null;
  const at = c.at;
  if (c.peek() !== DQUOTE) throw c.expected("a hierarchy delimiter");
  const octets = quotedOctets(c);
  if (octets.length !== 1) {
    c.at = at;
    throw c.expected("a hierarchy delimiter of one octet");
  }
  return latin1(octets);
}

/**
 * "STATUS" SP mailbox SP "(" [status-att-list] ")". Courier 5.0 answers `()` when it knows no item asked for;
 * Exchange 2007 and 2010 leave a space at the end.
 */
function statusData(c: Cursor, nesting: number): Data {
  c.expect(SP);
  const name = mailbox(c);
  c.expect(SP);
  c.expect(LPAREN);
  const items: Items = {
    messages: null,
    uidNext: null,
    uidValidity: null,
    highestModSeq: null,
    mailboxId: null,
    appendLimit: null,
  };
  while (!c.accept(RPAREN)) {
    statusItem(c, items, nesting);
    if (c.peek() !== RPAREN) c.expect(SP);
  }
  c.accept(SP);
  return { kind: "mailbox-status", mailbox: name, items };
}

/** status-att-val: a name and its value; unknown ones (DELETED-STORAGE, extensions) may have a value of any kind. */
function statusItem(c: Cursor, items: Items, nesting: number): void {
  const name = asciiUpper(c.expectRun(ITEM_NAME, "a STATUS item"));
  c.expect(SP);
  if (name === "MESSAGES") items.messages = number(c, MAX_NUMBER, "a number");
  else if (name === "UIDNEXT") items.uidNext = number(c, MAX_NUMBER, "a UID");
  else if (name === "UIDVALIDITY") items.uidValidity = number(c, MAX_NUMBER, "a UIDVALIDITY");
  else if (name === "HIGHESTMODSEQ") items.highestModSeq = modSequence(c);
  else if (name === "APPENDLIMIT") items.appendLimit = acceptNil(c) ? null : number(c, MAX_NUMBER64, "a size");
  else if (name === "MAILBOXID" && c.accept(LPAREN)) {
    items.mailboxId = astring(c, "an object ID");
    c.expect(RPAREN);
  } else skipValue(c, nesting - 1);
}

/**
 * "SEARCH" *(SP nz-number) [SP "(" "MODSEQ" SP mod-sequence-value ")"] (RFC 7162 3.1.5). Yahoo and GreenMail leave a
 * space at the end.
 */
function searchData(c: Cursor): Data {
  const numbers = new UidSetBuilder();
  while (c.accept(SP) && !c.atEnd) {
    if (c.peek() === LPAREN) {
      searchSortModSequence(c);
      break;
    }
    numbers.add(nzNumber(c, "a message number or UID"));
  }
  return { kind: "search", numbers: numbers.build() };
}

/** search-sort-mod-seq = "(" "MODSEQ" SP mod-sequence-value ")" */
function searchSortModSequence(c: Cursor): void {
  c.expect(LPAREN);
  c.expectWord("MODSEQ");
  c.expect(SP);
  modSequence(c);
  c.expect(RPAREN);
}

/**
 * esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data) (RFC 4731, RFC 9051 7.3.4),
 * UID at any place.
 */
function esearchResponse(c: Cursor, nesting: number): Data {
  let tag: string | null = null;
  let uid = false;
  let all: UidSet | null = null;
  let count: number | null = null;
  while (c.accept(SP) && !c.atEnd) {
    if (c.peek() === LPAREN) {
      tag = searchCorrelator(c, nesting);
    } else if (c.acceptWord("UID")) {
      uid = true;
    } else if (c.acceptWord("ALL")) {
      c.expect(SP);
      all = uidSet(c);
    } else if (c.acceptWord("COUNT")) {
      c.expect(SP);
      count = number(c, MAX_NUMBER64, "a number");
    } else {
      c.expectRun(ITEM_NAME, "search return data");
      c.expect(SP);
      skipValue(c, nesting);
    }
  }
  return { kind: "esearch", tag, uid, all, count };
}

/** search-correlator = "(" "TAG" SP tag-string ")", with what RFC 7377 adds behind it. */
function searchCorrelator(c: Cursor, nesting: number): string | null {
  let tag: string | null = null;
  c.expect(LPAREN);
  while (!c.accept(RPAREN)) {
    const name = asciiUpper(c.expectRun(ITEM_NAME, "TAG"));
    c.expect(SP);
    if (name === "TAG") tag = astring(c, "a tag");
    else skipValue(c, nesting - 1);
    if (c.peek() !== RPAREN) c.expect(SP);
  }
  return tag;
}

/** expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids (RFC 7162 section 7) */
function vanishedData(c: Cursor): Data {
  c.expect(SP);
  const earlier = c.accept(LPAREN);
  if (earlier) {
    c.expectWord("EARLIER");
    c.expect(RPAREN);
    c.expect(SP);
  }
  return { kind: "vanished", earlier, uids: uidSetIgnoringZero(c) };
}
