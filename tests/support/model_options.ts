// What a model server offers and how it misbehaves: values only. The defaults are those of Dovecot 2.3.19 after login.

/**
 * What Dovecot 2.3.19 announces, without the extensions that the model does not have, or has only where a test asks for
 * them: COMPRESS=DEFLATE, NOTIFY, OBJECTID.
 */
export const CAPABILITIES: readonly string[] = (
  "IMAP4rev1 SASL-IR ID ENABLE IDLE MULTIAPPEND UNSELECT UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH MOVE " +
  "LIST-STATUS LITERAL+"
).split(" ");

/** Deliberate lies and limits. May be changed between commands. */
export interface Lies {
  /** Also named by VANISHED (EARLIER), by mailbox: UIDs that exist. */
  vanishedExisting: ((mailbox: string) => readonly number[]) | null;
  /** VANISHED (EARLIER) leaves these out. */
  forgetVanished: ((mailbox: string, uid: number) => boolean) | null;
  /** UID SEARCH leaves these out. */
  hideFromSearch: ((mailbox: string, uid: number) => boolean) | null;
  /** The log of what was expunged is lost: every UID that is not there is named. */
  expungeLogLost: boolean;
  /** OK to UID STORE, and nothing done. */
  ignoreStore: boolean;
  /** OK to UID EXPUNGE, and nothing done. */
  ignoreExpunge: boolean;
  /** SELECT leaves the mailbox before it without [CLOSED]. */
  leavesSilently: boolean;
  /** The answer to a login names no capabilities. */
  tellsNothingAtLogin: boolean;
  /** SELECT tells [NOMODSEQ]. */
  noHighestModSeq: boolean;
  /** APPEND answers OK without APPENDUID. */
  noAppendUid: boolean;
  /** Added to EXISTS in SELECT. */
  existsOffset: number;
  /** A text: the message is refused with NO and it; one that begins with "BAD " is the whole answer. */
  refuseAppend: ((body: Uint8Array) => string | null) | null;
  /** Keywords that APPEND and STORE refuse although PERMANENTFLAGS allows all. */
  refusedKeywords: readonly string[];
  /** The only flags that are kept; null: all. Others are left out without a word. */
  permanentFlags: readonly string[] | null;
  /** APPEND puts the present time (ServerOptions.now) in place of a date in the future, as Dovecot 2.3.19 does. */
  replacesFutureDates: boolean;
  /** UIDs whose bodies FETCH leaves out. */
  unreadable: readonly number[];
  /** Mailboxes that nobody may change. */
  readOnly: readonly string[];
  /** APPENDLIMIT of a mailbox, when STATUS is asked for it. */
  appendLimit: number;
  /** Longer messages are refused with NO [TOOBIG]. */
  maxMessageOctets: number;
  /** Events that NOTIFY refuses with [BADEVENT], besides those that Dovecot does not have. */
  badEvents: readonly string[];
  /** Instead of an event comes [NOTIFICATIONOVERFLOW], and none after it. */
  notifyOverflow: boolean;
  /** Every second NOTIFY SET turns the events off, as in Dovecot 2.3.19; NOTIFY NONE in between helps. */
  notifyToggles: boolean;
}

export function noLies(): Lies {
  return {
    vanishedExisting: null,
    forgetVanished: null,
    hideFromSearch: null,
    expungeLogLost: false,
    ignoreStore: false,
    ignoreExpunge: false,
    leavesSilently: false,
    tellsNothingAtLogin: false,
    noHighestModSeq: false,
    noAppendUid: false,
    existsOffset: 0,
    refuseAppend: null,
    refusedKeywords: [],
    permanentFlags: null,
    replacesFutureDates: false,
    unreadable: [],
    readOnly: [],
    appendLimit: 0,
    maxMessageOctets: Infinity,
    badEvents: [],
    notifyOverflow: false,
    notifyToggles: false,
  };
}

/** Asked around every command. The default does nothing. */
export interface Gate {
  /** Before a command is executed; false: the session ends without it. */
  before?(name: string): boolean | Promise<boolean>;
  /** After it was executed; false: the answer is lost and the session ends. */
  after?(name: string): boolean | Promise<boolean>;
}

export interface ServerOptions {
  /** Instead of CAPABILITIES. */
  readonly capabilities?: readonly string[];
  /** Left out of them. */
  readonly without?: readonly string[];
  /** PREAUTH (default), or a login with these. */
  readonly login?: { readonly user: string; readonly password: string } | null;
  readonly gate?: Gate;
  /** INTERNALDATE of an APPEND that tells none, seconds since the epoch; default 1 800 000 000. */
  readonly now?: () => number;
}
