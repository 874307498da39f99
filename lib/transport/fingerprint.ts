// Pins: whether the server's key is one that SSL_fingerprint names. What is digested is the SubjectPublicKeyInfo (DER) of
// the server's own certificate, which outlives a renewed certificate. It knows no socket.

import type { X509Certificate } from "node:crypto";
import type { Fingerprint } from "../config/types.ts";
import { TlsError } from "../errors.ts";
import { reasonOf } from "./reason.ts";

/** The digest that `--debug` shows, and that SSL_fingerprint means when it names none. */
const DEFAULT_ALGORITHM = "sha256";

/** @throws TlsError when the runtime cannot compute the digest of one of `pins` */
export async function checkAlgorithms(pins: readonly Fingerprint[], component: string): Promise<void> {
  if (pins.length === 0) return;
  const { createHash } = await import("node:crypto");
  for (const { algorithm } of pins) {
    try {
      createHash(algorithm);
    } catch (error) {
      throw new TlsError(`SSL_fingerprint: Can't find MD value for name '${algorithm}'`, { component, cause: error });
    }
  }
}

/** The first of `pins` that the certificate's key has, or null. */
export async function matchingPin(
  certificate: X509Certificate,
  pins: readonly Fingerprint[],
): Promise<Fingerprint | null> {
  const { createHash, timingSafeEqual } = await import("node:crypto");
  const key = publicKeyInfo(certificate);
  for (const pin of pins) {
    const digest = createHash(pin.algorithm).update(key).digest();
    const wanted = hexOctets(pin.digest);
    if (wanted !== null && wanted.length === digest.length && timingSafeEqual(digest, wanted)) return pin;
  }
  return null;
}

/** The digest of the certificate's key in the form that SSL_fingerprint takes: `sha256$HEX`. */
export async function keyDigest(certificate: X509Certificate): Promise<string> {
  const { createHash } = await import("node:crypto");
  return `${DEFAULT_ALGORITHM}$${createHash(DEFAULT_ALGORITHM).update(publicKeyInfo(certificate)).digest("hex")}`;
}

function publicKeyInfo(certificate: X509Certificate): Uint8Array {
  try {
    return new Uint8Array(certificate.publicKey.export({ type: "spki", format: "der" }));
  } catch (error) {
    throw new TlsError(`Can't read the key in the server's certificate: ${reasonOf(error)}`, { cause: error });
  }
}

function hexOctets(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex)) return null;
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
