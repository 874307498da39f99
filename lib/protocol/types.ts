// The vocabulary of RFC 3501/9051, 4315, 4731, 7162, 8474 that the program uses, as plain values.
// Nothing here parses, sends or decides. Strings hold one character per octet (latin-1), never decoded text.

import type { Capabilities } from "./capability.ts";
import type { UidSet } from "./uid_set.ts";

/** A mod-sequence, 63 bits unsigned (RFC 7162 3.1). */
export type ModSeq = bigint;

/**
 * A set of flags in canonical form: without \Recent, without doubles, sorted by octet. Equal sets have equal `key`s: flags
 * differ in more than case (RFC 9051 2.3.2), so `key` has keywords in lower case, joined by one space. System flags are
 * spelled as in the RFC whatever the server's case.
 */
export interface FlagSet {
  readonly flags: readonly string[];
  readonly key: string;
}

export type Response = StatusResponse | ContinuationRequest | Data;

export interface StatusResponse {
  readonly kind: "status";
  /** null: untagged. */
  readonly tag: string | null;
  readonly status: "OK" | "NO" | "BAD" | "PREAUTH" | "BYE";
  readonly code: ResponseCode | null;
  readonly text: string;
}

export interface ContinuationRequest {
  readonly kind: "continuation";
  /** What follows "+ ", undecoded. */
  readonly text: string;
}

export type ResponseCode =
  /** `uids` ascend, which is the order in which the messages were given (RFC 3502 6.3.11). */
  | { readonly code: "APPENDUID"; readonly uidValidity: number; readonly uids: UidSet }
  | { readonly code: "HIGHESTMODSEQ"; readonly modSeq: ModSeq }
  | { readonly code: "MODIFIED"; readonly uids: UidSet }
  | { readonly code: "CAPABILITY"; readonly capabilities: Capabilities }
  | { readonly code: "UIDVALIDITY" | "UIDNEXT"; readonly value: number }
  | { readonly code: "PERMANENTFLAGS"; readonly flags: readonly string[] }
  | { readonly code: "MAILBOXID"; readonly id: string }
  /** Every other code, known or not: its name in upper case and what follows it, undecoded. */
  | { readonly code: "OTHER"; readonly name: string; readonly args: string };

export interface StatusItems {
  readonly messages: number | null;
  readonly uidNext: number | null;
  readonly uidValidity: number | null;
  readonly highestModSeq: ModSeq | null;
  readonly mailboxId: string | null;
  /** RFC 7889; null: not told, or NIL. */
  readonly appendLimit: number | null;
}

export interface FetchItems {
  readonly uid: number | null;
  readonly flags: FlagSet | null;
  readonly modSeq: ModSeq | null;
  /** Seconds since the epoch with the zone it was given in; see InternalDate. */
  readonly internalDate: InternalDate | null;
  readonly rfc822Size: number | null;
}

/** A date-time of RFC 9051, kept with its zone so that it can be given on unchanged. */
export interface InternalDate {
  /** Seconds since the epoch, UTC. */
  readonly seconds: number;
  /** Minutes east of UTC. */
  readonly zone: number;
}

export type Data =
  | { readonly kind: "capability"; readonly capabilities: Capabilities }
  | { readonly kind: "enabled"; readonly names: readonly string[] }
  | {
    readonly kind: "list";
    readonly mailbox: string;
    readonly delimiter: string | null;
    readonly attributes: readonly string[];
  } // attributes in lower case
  | { readonly kind: "mailbox-status"; readonly mailbox: string; readonly items: StatusItems }
  | { readonly kind: "flags"; readonly flags: readonly string[] }
  | { readonly kind: "exists" | "recent" | "expunge"; readonly number: number }
  | { readonly kind: "vanished"; readonly earlier: boolean; readonly uids: UidSet }
  | { readonly kind: "search"; readonly numbers: UidSet } // in no particular order on the wire
  | {
    readonly kind: "esearch";
    readonly tag: string | null;
    readonly uid: boolean;
    readonly all: UidSet | null;
    readonly count: number | null;
  }
  | { readonly kind: "fetch"; readonly seq: number; readonly items: FetchItems }
  /** A response that is well-formed but of no type that we know: kept, logged, never silently dropped. */
  | { readonly kind: "unknown"; readonly name: string };

/**
 * What the decoder makes of octets. The body of a message (the value of BODY[..], RFC822, BINARY[..], be it a literal,
 * a quoted string or NIL) comes as body events, before the `fetch` response that it is part of.
 */
export type DecodeEvent =
  | { readonly kind: "response"; readonly response: Response }
  | {
    readonly kind: "body-begin";
    readonly seq: number;
    /** The items that stood before the body in this FETCH. */
    readonly known: FetchItems;
    /** The section between the brackets, "" for BODY[] and RFC822. */
    readonly section: string;
    /** Octets to come; null: NIL, no content (the message is gone or cannot be read). */
    readonly octets: number | null;
  }
  /** Valid until the decoder is called again. */
  | { readonly kind: "body-data"; readonly bytes: Uint8Array }
  | { readonly kind: "body-end" };

/** Bounds of one decoder; each is fatal for the session when passed (ProtocolError). All in octets. */
export interface DecodeLimits {
  /** One line without its literals. */
  readonly line: number;
  /** One literal that is not a body. */
  readonly literal: number;
  /** One response, its inlined literals included and its bodies excluded. */
  readonly response: number;
  /** Parentheses inside one another. */
  readonly nesting: number;
}
