// Which certificates are trusted to vouch for a server: those of the configuration, or the system's.
// It reads PEM files and judges no server; lib/transport/tls.ts does.

import { TlsError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { reasonOf } from "./reason.ts";

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

/** PEM texts; null: none found, the runtime's own list is used. */
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
}

/**
 * Reads the trusted certificates: those of `caFile` and `caPath`, else the system's as OpenSSL finds them (SSL_CERT_FILE replaces
 * the bundle, SSL_CERT_DIR the directory; the directory that is searched otherwise has the bundle's content).
 * @throws TlsError when `caFile` or `caPath` can't be used, or nothing is found where the environment says
 */
export async function loadTrustAnchors(options: TrustOptions): Promise<TrustAnchors> {
  const { component, caFile, caPath, env, log } = options;
  if (caFile !== null || caPath !== null) {
    return [
      ...(caFile === null ? [] : [await readCaFile(caFile, component)]),
      ...(caPath === null ? [] : await readCaPath(caPath, component, log)),
    ];
  }
  log.debug("Using default locations for trusted CA certificates");
  const file = env("SSL_CERT_FILE") ?? "";
  const directories = (env("SSL_CERT_DIR") ?? "").split(":").filter((directory) => directory !== "");
  const anchors = new Map<string, string>();
  if (file !== "") await addFile(anchors, file, log);
  for (const directory of directories) await addDirectory(anchors, directory, log);
  if (directories.length === 0) await addSystemBundle(anchors, log);
  if (anchors.size > 0) return [...anchors.values()];
  if (file === "" && directories.length === 0) return null;
  // Whoever has said what to trust does not get the runtime's list instead.
  const variables = [file === "" ? "" : "SSL_CERT_FILE", directories.length === 0 ? "" : "SSL_CERT_DIR"];
  const named = variables.filter((variable) => variable !== "").join(" and ");
  throw new TlsError(`No trusted certificates found where ${named} points to`, { component });
}

async function addSystemBundle(anchors: Map<string, string>, log: Logger): Promise<void> {
  for (const bundle of SYSTEM_BUNDLES) {
    if (anchors.has(bundle) || await addFile(anchors, bundle, log)) return;
  }
}

/** Adds the file's text under its path; false when there is no certificate to be had. */
async function addFile(anchors: Map<string, string>, path: string, log: Logger): Promise<boolean> {
  if (anchors.has(path)) return true;
  try {
    const pem = await Deno.readTextFile(path);
    if (countCertificates(pem) === 0) return false;
    anchors.set(path, pem);
    return true;
  } catch (error) {
    log.debug(() => `Can't read trusted certificates from ${path}: ${reasonOf(error)}`);
    return false;
  }
}

async function addDirectory(anchors: Map<string, string>, directory: string, log: Logger): Promise<void> {
  const hashed: string[] = [];
  let hasBundle = false;
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (HASHED_NAME.test(name)) hashed.push(name);
      else if (name === DIRECTORY_BUNDLE) hasBundle = true;
    }
  } catch (error) {
    log.debug(() => `Can't read trusted certificates from ${directory}: ${reasonOf(error)}`);
    return;
  }
  const bundle = `${directory.replace(/\/+$/, "")}/${DIRECTORY_BUNDLE}`;
  // One file instead of 150, which costs more than the handshake, unless somebody has linked others by hand.
  if (hasBundle && await addFile(anchors, bundle, log)) {
    if (countCertificates(anchors.get(bundle) ?? "") >= hashed.length) return;
  }
  for (const name of hashed) await addFile(anchors, `${directory}/${name}`, log);
}

async function readCaFile(path: string, component: string): Promise<string> {
  const fail = (reason: string, cause?: unknown) =>
    new TlsError(`Can't load trusted certificates from SSL_CAfile ${path}: ${reason}`, { component, cause });
  let pem: string;
  try {
    pem = await Deno.readTextFile(path);
  } catch (error) {
    throw fail(readFailure(error), error);
  }
  const count = countCertificates(pem);
  if (count === 0) throw fail("there is no PEM certificate in it");
  const { X509Certificate } = await import("node:crypto");
  const whole = pem.match(WHOLE_CERTIFICATE) ?? [];
  // Node only warns about a certificate that it can't parse, and then trusts nobody.
  if (whole.length !== count || whole.some((text) => !parses(text, X509Certificate))) {
    throw fail("a certificate in it can't be parsed");
  }
  return pem;
}

/** Only what OpenSSL would look up there: links and files with hashed names. A bundle beside them may hold more. */
async function readCaPath(directory: string, component: string, log: Logger): Promise<readonly string[]> {
  const fail = (reason: string, cause?: unknown) =>
    new TlsError(`Can't load trusted certificates from SSL_CApath ${directory}: ${reason}`, { component, cause });
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) if (HASHED_NAME.test(name)) names.push(name);
  } catch (error) {
    throw fail(readFailure(error), error);
  }
  const { X509Certificate } = await import("node:crypto");
  const anchors = new Set<string>();
  for (const name of names.sort()) {
    const pem = await readHashed(`${directory}/${name}`, log);
    const first = pem.match(WHOLE_CERTIFICATE)?.[0]; // OpenSSL looks at no other
    if (first !== undefined && parses(first, X509Certificate)) anchors.add(first);
  }
  if (anchors.size === 0) throw fail("there is no certificate under a hashed name in it (openssl rehash makes them)");
  return [...anchors];
}

/** A link that leads nowhere is what a removed certificate leaves behind. */
async function readHashed(path: string, log: Logger): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    log.debug(() => `Can't read trusted certificates from ${path}: ${reasonOf(error)}`);
    return "";
  }
}

function parses(pem: string, X509Certificate: new (pem: string) => unknown): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

/** Deno's own texts repeat the path. */
function readFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return reasonOf(error);
}

function countCertificates(pem: string): number {
  return pem.match(CERTIFICATE)?.length ?? 0;
}
