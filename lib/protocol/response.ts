// One whole response other than FETCH, from its text (RFC 9051 section 7): continuation request, status response or
// untagged data. Decides which of them it is and leaves the rest to their files.

import type { Cursor } from "./cursor.ts";
import { numberedData, untaggedData } from "./mailbox_data.ts";
import { isDigit, isWord, PLUS, SP, STAR } from "./octets.ts";
import { acceptUntaggedStatus, continuationRequest, taggedResponse } from "./status_response.ts";
import type { Response } from "./types.ts";

/**
 * response = continue-req / response-data / response-tagged, the cursor at its beginning.
 * @param nesting how many parentheses may stand inside one another
 * @throws ProtocolError
 */
export function parseResponse(c: Cursor, nesting: number): Response {
  const first = c.peek();
  if (first === PLUS) return continuationRequest(c);
  if (first !== STAR) return taggedResponse(c);
  c.at++;
  c.expect(SP);
  if (isDigit(c.peek())) {
    c.excerpts = "masked"; // it may be a FETCH that is malformed from its first octets
    return numberedData(c);
  }
  return acceptUntaggedStatus(c) ?? untaggedData(c, nesting);
}

/**
 * The sequence number of a FETCH response, the cursor moved behind "FETCH "; 0, and the cursor not moved, when the
 * text is another response. msg-att = nz-number SP "FETCH" SP msg-att-list
 */
export function acceptFetchHead(c: Cursor): number {
  const { bytes, end } = c;
  let at = c.at + 2;
  if (at >= end || bytes[c.at] !== STAR || bytes[c.at + 1] !== SP) return 0;
  let seq = 0;
  const MAX_DIGITS = 10;
  for (const limit = Math.min(end, at + MAX_DIGITS); at < limit && isDigit(bytes[at] ?? 0); at++) {
    seq = seq * 10 + (bytes[at] ?? 0) - 0x30;
  }
  const nameAt = at + 1;
  const nameEnd = nameAt + 5;
  if (nameEnd >= end || bytes[at] !== SP || bytes[nameEnd] !== SP || seq > 0xffffffff) return 0;
  if (!isWord(bytes, nameAt, nameEnd, "FETCH")) return 0;
  if (seq > 0) c.at = nameEnd + 1;
  return seq;
}
