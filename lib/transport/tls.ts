// TLS over another ByteStream by node:tls: the handshake, and the decision whether the server is who it should be
// and speaks as the configuration wants.
// Nothing of ours is written before that decision. Deno.connectTls would be faster but cannot replace the system's
// certificates, leave verification out, choose the SNI name or show the certificate.

import type { PeerCertificate, TLSSocket } from "node:tls";
import { utf8Octets } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { TlsOptions } from "../config/types.ts";
import { InterimapError, PinMismatchError, TlsError, TransportError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { allowedSuites } from "./ciphers.ts";
import { checkAlgorithms, keyDigest, matchingPin } from "./fingerprint.ts";
import { forbidden } from "./negotiated.ts";
import { oneLine, reasonOf } from "./reason.ts";
import { bareHost } from "./tcp.ts";
import { gatedDuplex, ReadQueue, TlsStream } from "./tls_stream.ts";
import { commonName, type TrustAnchors } from "./trust.ts";
import type { ByteStream } from "./types.ts";
import {
  type CertificateFacts,
  type FailedVerification,
  handshakeCause,
  isWithoutProof,
  lacksTrust,
  verificationCause,
} from "./verdict.ts";

/** A chain longer than this is not followed for the wording of an error. */
const MAX_CHAIN_LENGTH = 10;

/** What a TLS layer needs to know. */
export interface TlsLayerOptions {
  readonly component: string;
  /** The name or address that the certificate must be for; IPv6 with or without brackets. */
  readonly host: string;
  /** The other end in messages. */
  readonly peer: string;
  readonly tls: TlsOptions;
  readonly anchors: TrustAnchors;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the handshake; its reason is thrown as it is. */
  readonly signal: AbortSignal;
}

/** Loads what a handshake needs, some 25 ms of work that fits into the wait for a connection. */
export async function preloadTls(): Promise<void> {
  await Promise.all([import("node:tls"), import("node:net"), import("node:stream")]);
}

/**
 * Refuses what could only fail after connecting.
 * @throws TlsError which option can't be honoured
 */
export async function checkTlsOptions(tls: TlsOptions, component: string): Promise<void> {
  allowedSuites(tls, component);
  await checkAlgorithms(tls.fingerprints, component);
}

/**
 * Makes the handshake over `inner`, which from now on belongs to the returned stream and is closed on any failure.
 * @throws TlsError when the server is not accepted; TransportError when there is no handshake; the signal's reason
 */
export async function tlsStream(inner: ByteStream, options: TlsLayerOptions): Promise<ByteStream> {
  const { component, peer, tls, log } = options;
  await checkTlsOptions(tls, component);
  const [{ connect, checkServerIdentity }, { isIP }] = await Promise.all([import("node:tls"), import("node:net")]);
  const host = bareHost(options.host);
  const serverName = tls.serverName ?? (isIP(host) === 0 ? host.replace(/\.$/, "") : ""); // RFC 6066 section 3
  log.debug(serverName === "" ? "Not using SNI" : `Using SNI with name ${utf8Octets(serverName)}`);
  const queue = new ReadQueue();
  const socket = connect({
    socket: await gatedDuplex(inner, queue),
    rejectUnauthorized: false, // the handshake is finished, then decided here, so that the cause can be named
    minVersion: tls.minVersion ?? "TLSv1.2",
    ...(tls.maxVersion === null ? {} : { maxVersion: tls.maxVersion }),
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ...(serverName === "" ? {} : { servername: serverName }),
    ...(options.anchors === null ? {} : { ca: [...options.anchors] }),
  });
  const stream = new TlsStream(socket, inner, queue, peer, component);
  try {
    await handshake(socket, options.signal);
    log.debug(() => `SSL protocol: ${socket.getProtocol()}, cipher: ${socket.getCipher().name}`);
    log.debug(() => describeLeaf(socket));
    await checkKey(socket, options);
    if (tls.verify && !socket.authorized) throw await verificationError(socket, host, options);
    checkNegotiated(socket, options);
    return stream;
  } catch (error) {
    stream.close();
    throw handshakeError(error, options);
  }
}

function handshake(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => done(() => reject(signal.reason));
    const failed = (error: Error) => done(() => reject(error));
    const ended = () => done(() => reject(new Error("the server closed the connection")));
    const secured = () => done(resolve);
    const done = (settle: () => void) => {
      signal.removeEventListener("abort", aborted);
      socket.off("error", failed).off("end", ended).off("close", ended).off("secureConnect", secured);
      settle();
    };
    socket.on("error", failed).on("end", ended).on("close", ended).on("secureConnect", secured);
    signal.addEventListener("abort", aborted);
    if (signal.aborted) aborted();
  });
}

function handshakeError(error: unknown, { component, peer, signal }: TlsLayerOptions): unknown {
  if (error instanceof InterimapError || (signal.aborted && error === signal.reason)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = `Can't initiate TLS/SSL handshake with ${peer}: ${handshakeCause(code, reasonOf(error))}`;
  return isWithoutProof(code)
    ? new TlsError(message, { component, cause: error })
    : new TransportError("tls", message, { component, cause: error });
}

/** The pins are asked in addition to the verification, which looks at the chain and the name. */
async function checkKey(socket: TLSSocket, { component, peer, tls, log }: TlsLayerOptions): Promise<void> {
  if (tls.fingerprints.length === 0 && !log.debugging) return;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    throw new TlsError(`Can't initiate TLS/SSL handshake with ${peer}: the server has no certificate`, { component });
  }
  if (log.debugging) {
    const digest = await keyDigest(certificate);
    log.debug(`Peer public key (SPKI) digest, as SSL_fingerprint takes it: ${digest}`);
  }
  if (tls.fingerprints.length === 0) return;
  const pin = await matchingPin(certificate, tls.fingerprints);
  if (pin === null) {
    log.warn("Fingerprint doesn't match! MiTM in action?");
    throw new PinMismatchError(
      `Can't initiate TLS/SSL handshake with ${peer}: SSL_fingerprint does not name the server's key`,
      { component, hints: ["if the server was given a new key, --debug shows the digest to put there"] },
    );
  }
  log.debug(() => `Peer certificate matches pinned SPKI digest ${pin.algorithm}$${pin.digest}`);
}

/** The runtime takes some of the options without heeding them, so what came of it is looked at. */
function checkNegotiated(socket: TLSSocket, { component, peer, tls }: TlsLayerOptions): void {
  const negotiated = { protocol: socket.getProtocol() ?? "", suite: socket.getCipher().name };
  const reason = forbidden(negotiated, tls, allowedSuites(tls, component));
  if (reason === null) return;
  throw new TlsError(`Can't initiate TLS/SSL handshake with ${peer}: ${reason}`, {
    component,
    hints: ["this program's TLS offers all that it has: allow it, or turn it off on the server"],
  });
}

async function verificationError(socket: TLSSocket, host: string, options: TlsLayerOptions): Promise<TlsError> {
  const { component, peer, tls, clock } = options;
  const leaf = socket.getPeerCertificate(true);
  const chain = chainFacts(leaf);
  const failed: FailedVerification = {
    code: String(socket.authorizationError),
    host,
    names: leaf.subjectaltname || oneValue(leaf.subject?.CN),
    leafIsAuthority: socket.getPeerX509Certificate()?.ca === true,
    issuerIsTrusted: await isAmong(chain.at(-1)?.issuer ?? "", options.anchors ?? []),
    chain,
    now: clock.now(),
  };
  const hint = "let SSL_CAfile name the certificate to trust for this server";
  return new TlsError(`Can't initiate TLS/SSL handshake with ${peer}: ${verificationCause(failed)}`, {
    component,
    cause: socket.authorizationError,
    hints: tls.caFile === null && tls.caPath === null && lacksTrust(failed) ? [hint] : [],
  });
}

/** Whether one of the certificates has this common name. */
async function isAmong(name: string, anchors: readonly string[]): Promise<boolean> {
  const { X509Certificate } = await import("node:crypto");
  return anchors.some((pem) => commonName(new X509Certificate(pem).subject) === name);
}

/** The chain as the server sent it, or as far as it can be followed. */
function chainFacts(leaf: PeerCertificate): [CertificateFacts, ...CertificateFacts[]] {
  const chain: [CertificateFacts, ...CertificateFacts[]] = [facts(leaf)];
  let certificate = leaf;
  while (chain.length < MAX_CHAIN_LENGTH) {
    const issuer = issuerOf(certificate);
    if (issuer === null) return chain;
    certificate = issuer;
    chain.push(facts(issuer));
  }
  return chain;
}

function issuerOf(certificate: PeerCertificate): PeerCertificate | null {
  const issuer: unknown = Reflect.get(certificate, "issuerCertificate");
  return typeof issuer === "object" && issuer !== null && issuer !== certificate ? issuer as PeerCertificate : null;
}

function facts(certificate: PeerCertificate): CertificateFacts {
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    selfSigned: Reflect.get(certificate, "issuerCertificate") === certificate,
  };
}

/** The common name, else organization, else whatever there is. */
function distinguishedName(name: PeerCertificate["subject"] | undefined): string {
  if (name === undefined || name === null) return "";
  return oneValue(name.CN) || oneValue(name.O) || Object.values(name).map(oneValue).join(" ");
}

function oneValue(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(" ") : value ?? "";
}

function describeLeaf(socket: TLSSocket): string {
  const leaf = facts(socket.getPeerCertificate());
  return `Peer certificate: subject '${oneLine(leaf.subject)}', issuer '${oneLine(leaf.issuer)}'`;
}
