// TLS over another ByteStream by node:tls: the handshake, and the decision whether the server is who it should be
// and speaks as the configuration wants.
// Nothing of ours is written before that decision. Deno.connectTls would be faster but cannot replace the system's
// certificates, leave verification out, choose the SNI name or show the certificate.

import type { PeerCertificate, TLSSocket } from "node:tls";
import type { Clock } from "../base/clock.ts";
import type { TlsOptions } from "../config/types.ts";
import { InterimapError, TlsError, TransportError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { allowedSuites, optionFor } from "./ciphers.ts";
import { checkAlgorithms, keyDigest, matchingPin } from "./fingerprint.ts";
import { oneLine, reasonOf } from "./reason.ts";
import { gatedDuplex, ReadQueue, TlsStream } from "./tls_stream.ts";
import type { TrustAnchors } from "./trust.ts";
import type { ByteStream } from "./types.ts";
import { type CertificateFacts, type FailedVerification, lacksTrust, verificationCause } from "./verdict.ts";

/** A chain longer than this is not followed for the wording of an error. */
const MAX_CHAIN_LENGTH = 10;

/** Node's codes when what was received is no TLS record. */
const NOT_TLS = /WRONG_VERSION_NUMBER|InvalidContentType|InvalidMessage|corrupt message/;

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
  const name = tls.serverName ?? "";
  // Node leaves the first out without a word, and throws on the second (RFC 6066 section 3: no addresses).
  if (!/^[A-Za-z0-9._-]*$/.test(name) || /^[0-9.]+$/.test(name)) {
    throw new TlsError(`SSL_hostname = ${oneLine(name)} is no host name`, { component });
  }
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
  const host = options.host.replace(/^\[(.*)\]$/, "$1");
  const serverName = tls.serverName ?? (isIP(host) === 0 ? host.replace(/\.$/, "") : ""); // RFC 6066 section 3
  log.debug(serverName === "" ? "Not using SNI" : `Using SNI with name ${serverName}`);
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
    if (tls.verify && !socket.authorized) throw verificationError(socket, host, options);
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
  const reason = NOT_TLS.test(`${code} ${error}`)
    ? "the server does not speak TLS on this port"
    : code === "ECONNRESET"
    ? "the server closed the connection"
    : reasonOf(error);
  return new TransportError("tls", `Can't initiate TLS/SSL handshake with ${peer}: ${reason}`, {
    component,
    cause: error,
  });
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
    throw new TlsError(
      `Can't initiate TLS/SSL handshake with ${peer}: SSL_fingerprint does not name the server's key`,
      { component, hints: ["If the server was given a new key, --debug shows the digest to put there"] },
    );
  }
  log.debug(() => `Peer certificate matches pinned SPKI digest ${pin.algorithm}$${pin.digest}`);
}

/** rustls offers every suite it has, so what was negotiated is looked at. */
function checkNegotiated(socket: TLSSocket, { component, peer, tls }: TlsLayerOptions): void {
  const { name } = socket.getCipher();
  if (allowedSuites(tls, component).has(name)) return;
  throw new TlsError(
    `Can't initiate TLS/SSL handshake with ${peer}: the server chose ${name}, which ${optionFor(name)} leaves out`,
    { component, hints: ["This program's TLS offers all that it has: add the suite, or turn it off on the server"] },
  );
}

function verificationError(socket: TLSSocket, host: string, options: TlsLayerOptions): TlsError {
  const { component, peer, tls, clock } = options;
  const leaf = socket.getPeerCertificate(true);
  const failed: FailedVerification = {
    code: String(socket.authorizationError),
    host,
    names: leaf.subjectaltname ?? oneValue(leaf.subject?.CN),
    chain: chainFacts(leaf),
    now: clock.now(),
  };
  const hint = "Let SSL_CAfile name the certificate to trust for this server";
  return new TlsError(`Can't initiate TLS/SSL handshake with ${peer}: ${verificationCause(failed)}`, {
    component,
    cause: socket.authorizationError,
    hints: tls.caFile === null && tls.caPath === null && lacksTrust(failed) ? [hint] : [],
  });
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
