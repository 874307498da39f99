// Why a server was not accepted, or there was no handshake, in words: the runtime says UNABLE_TO_VERIFY_LEAF_SIGNATURE
// for whatever is wrong with a chain. Pure, and only wording: whether it is accepted has been decided before.

import { oneLine } from "./reason.ts";

/** What is told of the names in a certificate. */
const MAX_NAMES = 5;

/** Node's code for a certificate that is good, but for another server. */
const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

/** Node's code for a chain that does not hold, and for a handshake that is not signed by the certificate's key. */
const NOT_VERIFIED = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";

/** Node's codes and texts when there is no handshake, and what they mean. */
const NO_HANDSHAKE: readonly (readonly [said: RegExp, meaning: string])[] = [
  [
    /WRONG_VERSION_NUMBER|InvalidContentType|InvalidMessage|corrupt message/,
    "the server does not speak TLS on this port",
  ],
  [/^ECONNRESET\b/, "the server closed the connection"],
  [/ALERT_PROTOCOL_VERSION/, "the server refuses it: no version of TLS in common"],
  [/ALERT_HANDSHAKE_FAILURE/, "the server refuses it: no cipher suite, or kind of key, in common"],
  [/UNRECOGNI[SZ]ED_?NAME/i, "the server refuses it: it has no host of the name it was sent (SNI)"],
  [
    /^UNABLE_TO_VERIFY_LEAF_SIGNATURE\b/,
    "the server does not prove that it has the key of its certificate, or with one that is too weak (RSA below 2048 bits)",
  ],
];

/** A certificate of the chain that the server sent, as far as it matters here. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  readonly selfSigned: boolean;
}

/** A verification that failed. */
export interface FailedVerification {
  /** Node's code, such as DEPTH_ZERO_SELF_SIGNED_CERT. */
  readonly code: string;
  /** The name or address that was dialled. */
  readonly host: string;
  /** The names in the leaf as Node spells subjectAltName (`DNS:a, IP Address:1.2.3.4`), else its common name. */
  readonly names: string;
  /** The leaf says that it is an authority's. */
  readonly leafIsAuthority: boolean;
  /** A trusted certificate has the name of the issuer that the chain ends in. */
  readonly issuerIsTrusted: boolean;
  /** Leaf first; at least one. */
  readonly chain: readonly [CertificateFacts, ...CertificateFacts[]];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The cause, to be read after "Can't initiate TLS/SSL handshake with HOST:PORT: ". */
export function verificationCause(failed: FailedVerification): string {
  if (failed.code === WRONG_NAME) {
    return `the certificate is for ${listNames(failed.names)}, not for ${oneLine(failed.host)}`;
  }
  for (const certificate of failed.chain) {
    const which = certificate === failed.chain[0]
      ? "the certificate"
      : `the certificate of its issuer '${oneLine(certificate.subject)}'`;
    if (failed.now > certificate.validTo) return `${which} expired on ${day(certificate.validTo)}`;
    if (failed.now < certificate.validFrom) return `${which} is not valid before ${day(certificate.validFrom)}`;
  }
  const [leaf] = failed.chain;
  if (leaf.selfSigned) return "the certificate is self-signed and not trusted";
  if (failed.leafIsAuthority) return "the certificate is that of an authority, not of a server";
  const last = failed.chain[failed.chain.length - 1] ?? leaf;
  if (failed.issuerIsTrusted) {
    return `the certificate is not for a server, or not what its authority '${oneLine(last.issuer)}' has signed`;
  }
  if (last.selfSigned) return `the chain of certificates up to '${oneLine(last.subject)}' is not trusted`;
  if (failed.code !== NOT_VERIFIED && failed.code !== "UNABLE_TO_GET_ISSUER_CERT_LOCALLY") {
    return `the certificate can't be verified (${oneLine(failed.code)}; issuer '${oneLine(last.issuer)}')`;
  }
  return `the certificate's issuer '${oneLine(last.issuer)}' is not known or not trusted`;
}

/** What was wrong when no handshake came about, by Node's code (may be empty) and what it says. */
export function handshakeCause(code: string, text: string): string {
  return NO_HANDSHAKE.find(([said]) => said.test(`${code} ${text}`))?.[1] ?? text;
}

/** Whether a handshake failed because the server is not who its certificate says: nothing that passes by itself. */
export function isWithoutProof(code: string): boolean {
  return code === NOT_VERIFIED;
}

/** Whether everything is right but that nobody trusted vouches for the certificate. */
export function lacksTrust(failed: FailedVerification): boolean {
  return failed.code !== WRONG_NAME && !failed.leafIsAuthority && !failed.issuerIsTrusted &&
    failed.chain.every(({ validFrom, validTo }) => failed.now >= validFrom && failed.now <= validTo);
}

function listNames(names: string): string {
  const list = names.split(", ").map((name) => oneLine(name.replace(/^(?:DNS|IP Address):/, "")))
    .filter((name) => name !== "");
  if (list.length === 0) return "no host at all";
  const shown = list.slice(0, MAX_NAMES).join(", ");
  return list.length > MAX_NAMES ? `${shown} and ${list.length - MAX_NAMES} more` : shown;
}

/** The day of a time in milliseconds since the epoch, in UTC. */
export function day(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "an unknown day" : date.toISOString().slice(0, 10);
}
