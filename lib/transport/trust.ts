// Which certificates are trusted to vouch for a server: those of the configuration, or the system's.
// It reads PEM files and judges no server; lib/transport/tls.ts does.

import { utf8Octets } from "../base/bytes.ts";
import { TlsError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { oneLine, reasonOf } from "./reason.ts";
import { day } from "./verdict.ts";

/** Where distributions keep all trusted certificates in one file: Debian, Arch, Fedora, SUSE, Alpine, the BSDs. */
const SYSTEM_BUNDLES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/var/lib/ca-certificates/ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
  "/usr/local/etc/ssl/cert.pem",
];

/** What update-ca-certificates calls the bundle that it writes beside the hashed links. */
const DIRECTORY_BUNDLE = "ca-certificates.crt";

/** The names under which OpenSSL looks a certificate up in a directory: hash of the subject, and a counter. */
const HASHED_NAME = /^[0-9a-f]{8}\.\d+$/;

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const WHOLE_CERTIFICATE = /-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----[^-]*-----END \1-----/g;

/** One PEM certificate each; null: none found, the runtime's own list is used. */
export type TrustAnchors = readonly string[] | null;

/** Where to look. */
export interface TrustOptions {
  readonly component: string;
  /** Replaces the system's certificates. */
  readonly caFile: string | null;
  /** The same, a directory of hashed names; both count when both are there. */
  readonly caPath: string | null;
  readonly env: (name: string) => string | undefined;
  readonly log: Logger;
  /** Milliseconds since the epoch: the runtime trusts authorities that have expired, OpenSSL does not. */
  readonly now: number;
}

/**
 * Reads the trusted certificates: those of `caFile` and `caPath`, else the system's as OpenSSL finds them (SSL_CERT_FILE
 * is read beside the system's directory, which has the bundle's content; SSL_CERT_DIR replaces that directory).
 * @throws TlsError when `caFile` or `caPath` can't be used, or nothing is found where the environment says
 */
export async function loadTrustAnchors(options: TrustOptions): Promise<TrustAnchors> {
  const { component, caFile, caPath, env, log, now } = options;
  const { X509Certificate } = await import("node:crypto");
  const read: Reading = { component, log, now, parse: (pem) => validity(pem, X509Certificate) };
  if (caFile !== null || caPath !== null) {
    return [
      ...(caFile === null ? [] : await readCaFile(caFile, read)),
      ...(caPath === null ? [] : await readCaPath(caPath, read)),
    ];
  }
  log.debug("Using default locations for trusted CA certificates");
  const file = env("SSL_CERT_FILE") ?? "";
  const directories = (env("SSL_CERT_DIR") ?? "").split(":").filter((directory) => directory !== "");
  const files = new Map<string, string>();
  if (file !== "") await addFile(files, file, log);
  for (const directory of directories) await addDirectory(files, directory, log);
  if (directories.length === 0) await addSystemBundle(files, log);
  const anchors = new Set([...files.values()].flatMap((pem) => wholeCertificates(pem)));
  const trusted = [...anchors].filter((pem) => isValid(read.parse(pem), now));
  if (trusted.length > 0) return trusted;
  if (file === "" && directories.length === 0) return null;
  // Whoever has said what to trust does not get the runtime's list instead.
  const variables = [file === "" ? "" : "SSL_CERT_FILE", directories.length === 0 ? "" : "SSL_CERT_DIR"];
  const named = variables.filter((variable) => variable !== "").join(" and ");
  throw new TlsError(`No trusted certificates found where ${named} points to`, { component });
}

async function addSystemBundle(files: Map<string, string>, log: Logger): Promise<void> {
  for (const bundle of SYSTEM_BUNDLES) {
    if (files.has(bundle) || await addFile(files, bundle, log)) return;
  }
}

/** Adds the file's text under its path; false when there is no certificate to be had. */
async function addFile(files: Map<string, string>, path: string, log: Logger): Promise<boolean> {
  if (files.has(path)) return true;
  const pem = await readQuietly(path, log);
  if (countCertificates(pem) === 0) return false;
  files.set(path, pem);
  return true;
}

async function addDirectory(files: Map<string, string>, directory: string, log: Logger): Promise<void> {
  const hashed: string[] = [];
  let hasBundle = false;
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (HASHED_NAME.test(name)) hashed.push(name);
      else if (name === DIRECTORY_BUNDLE) hasBundle = true;
    }
  } catch (error) {
    log.debug(() => `Can't read trusted certificates from ${utf8Octets(directory)}: ${reasonOf(error)}`);
    return;
  }
  const bundle = `${directory.replace(/\/+$/, "")}/${DIRECTORY_BUNDLE}`;
  // One file instead of 150, which costs more than the handshake, unless somebody has linked others by hand.
  if (hasBundle && await addFile(files, bundle, log)) {
    if (countCertificates(files.get(bundle) ?? "") >= hashed.length) return;
  }
  for (const name of hashed) await addFile(files, `${directory}/${name}`, log);
}

/** What reading a file that the configuration names needs. */
interface Reading {
  readonly component: string;
  readonly log: Logger;
  readonly now: number;
  /** Null for what is no certificate. */
  readonly parse: (pem: string) => Validity | null;
}

interface Validity {
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

async function readCaFile(path: string, read: Reading): Promise<readonly string[]> {
  const fail = failure(`SSL_CAfile ${utf8Octets(path)}`, read.component);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw fail(readFailure(error), error);
  }
  const count = countCertificates(text);
  if (count === 0) throw fail("there is no PEM certificate in it");
  const whole = wholeCertificates(text);
  // Node only warns about a certificate that it can't parse, and then trusts nobody.
  if (whole.length !== count || whole.some((pem) => read.parse(pem) === null)) {
    throw fail("a certificate in it can't be parsed");
  }
  return trustedOf(whole, `SSL_CAfile ${utf8Octets(path)}`, read);
}

/** Only what OpenSSL would look up there: links and files with hashed names. A bundle beside them may hold more. */
async function readCaPath(directory: string, read: Reading): Promise<readonly string[]> {
  const fail = failure(`SSL_CApath ${utf8Octets(directory)}`, read.component);
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) if (HASHED_NAME.test(name)) names.push(name);
  } catch (error) {
    throw fail(readFailure(error), error);
  }
  const anchors = new Set<string>();
  for (const name of names.sort()) {
    // A link that leads nowhere is what a removed certificate leaves behind.
    const first = wholeCertificates(await readQuietly(`${directory}/${name}`, read.log))[0]; // OpenSSL looks at no other
    if (first !== undefined && read.parse(first) !== null) anchors.add(first);
  }
  if (anchors.size === 0) throw fail("there is no certificate under a hashed name in it (openssl rehash makes them)");
  return trustedOf([...anchors], `SSL_CApath ${utf8Octets(directory)}`, read);
}

/** Those that are valid now; the others are told, for they are what the failure that follows is about. */
function trustedOf(pems: readonly string[], source: string, { component, log, now, parse }: Reading): string[] {
  const trusted: string[] = [];
  const reasons: string[] = [];
  for (const pem of pems) {
    const certificate = parse(pem);
    if (isValid(certificate, now)) trusted.push(pem);
    else if (certificate !== null) reasons.push(whyInvalid(certificate, now));
  }
  if (trusted.length === 0) throw failure(source, component)(reasons[0] ?? "it is empty");
  for (const reason of reasons) log.warn(`${source}: ${reason}`);
  return trusted;
}

function isValid(certificate: Validity | null, now: number): boolean {
  return certificate !== null && now >= certificate.from && now <= certificate.to;
}

function whyInvalid({ subject, from, to }: Validity, now: number): string {
  return now > to
    ? `the certificate '${oneLine(subject)}' in it expired on ${day(to)}`
    : `the certificate '${oneLine(subject)}' in it is not valid before ${day(from)}`;
}

function validity(pem: string, X509Certificate: new (pem: string) => CertificateDates): Validity | null {
  try {
    const { subject, validFrom, validTo } = new X509Certificate(pem);
    return { subject: commonName(subject), from: Date.parse(validFrom), to: Date.parse(validTo) };
  } catch {
    return null;
  }
}

interface CertificateDates {
  /** One attribute in a line: `CN=Example CA`. */
  readonly subject: string;
  readonly validFrom: string;
  readonly validTo: string;
}

/** The common name in a subject as Node's X509Certificate spells it (one attribute in a line), else all of it. */
export function commonName(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;
}

/** The text of a file, or nothing. */
async function readQuietly(path: string, log: Logger): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    log.debug(() => `Can't read trusted certificates from ${utf8Octets(path)}: ${reasonOf(error)}`);
    return "";
  }
}

function failure(source: string, component: string): (reason: string, cause?: unknown) => TlsError {
  return (reason, cause) =>
    new TlsError(`Can't load trusted certificates from ${source}: ${reason}`, { component, cause });
}

/** Deno's own texts repeat the path. */
function readFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return reasonOf(error);
}

function wholeCertificates(text: string): readonly string[] {
  return text.match(WHOLE_CERTIFICATE) ?? [];
}

function countCertificates(text: string): number {
  return text.match(CERTIFICATE)?.length ?? 0;
}
