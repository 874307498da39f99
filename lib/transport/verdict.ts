// Why a server's certificate was not accepted, in words: the runtime says UNABLE_TO_VERIFY_LEAF_SIGNATURE for
// whatever is wrong with a chain. Pure, and only wording: whether it is accepted has been decided before.

import { oneLine } from "./reason.ts";

/** What is told of the names in a certificate. */
const MAX_NAMES = 5;

/** Node's code for a certificate that is good, but for another server. */
const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

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
  /** Leaf first; at least one. */
  readonly chain: readonly [CertificateFacts, ...CertificateFacts[]];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The cause, to be read after "Can't initiate TLS/SSL handshake with HOST:PORT: ". */
export function verificationCause(failed: FailedVerification): string {
  if (failed.code === WRONG_NAME) {
    return `the certificate is for ${listNames(failed.names)}, not for ${failed.host}`;
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
  const last = failed.chain[failed.chain.length - 1] ?? leaf;
  if (last.selfSigned) return `the chain of certificates ends with '${oneLine(last.subject)}', which is not trusted`;
  if (failed.code !== "UNABLE_TO_VERIFY_LEAF_SIGNATURE" && failed.code !== "UNABLE_TO_GET_ISSUER_CERT_LOCALLY") {
    return `the certificate can't be verified (${oneLine(failed.code)}; issuer '${oneLine(last.issuer)}')`;
  }
  return `the certificate's issuer '${oneLine(last.issuer)}' is not known or not trusted`;
}

/** Whether everything is right but that nobody trusted vouches for the certificate. */
export function lacksTrust(failed: FailedVerification): boolean {
  return failed.code !== WRONG_NAME &&
    failed.chain.every(({ validFrom, validTo }) => failed.now >= validFrom && failed.now <= validTo);
}

function listNames(names: string): string {
  const list = names.split(", ").map((name) => oneLine(name.replace(/^(?:DNS|IP Address):/, "")))
    .filter((name) => name !== "");
  if (list.length === 0) return "no host at all";
  const shown = list.slice(0, MAX_NAMES).join(", ");
  return list.length > MAX_NAMES ? `${shown} and ${list.length - MAX_NAMES} more` : shown;
}

function day(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "an unknown day" : date.toISOString().slice(0, 10);
}
