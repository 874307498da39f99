// The door of the protocol folder: octets <-> values of IMAP, pure and synchronous.

export { Capabilities } from "./capability.ts";
export * from "./command.ts";
export { Decoder, DEFAULT_LIMITS } from "./decoder.ts";
export * from "./encoder.ts";
export {
  flagText,
  isSendableFlag,
  keepsEveryFlag,
  keptFlags,
  makeFlagSet,
  NO_FLAGS,
  unionFlags,
  unkeptFlags,
} from "./flags.ts";
export { formatInternalDate, parseInternalDate } from "./internal_date.ts";
export { foldInbox, toInternal, toWire } from "./mailbox_name.ts";
export type * from "./types.ts";
export { MAX_UID, UidSet, UidSetBuilder } from "./uid_set.ts";
