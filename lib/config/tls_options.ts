// The options SSL_* -> what the TLS layer needs, or a ConfigError: what the TLS of this program cannot honour is refused
// by name, never ignored. It speaks TLS 1.2 and 1.3 only. Pure: no certificate is read, no cipher is looked up.

import { ConfigError } from "../errors.ts";
import type { IniEntry } from "./ini.ts";
import { at, invalidValue, isYes, type ServerOptions, writtenEntry, writtenText } from "./section.ts";
import type { Fingerprint, TlsOptions, TlsVersion } from "./types.ts";

type Versions = Pick<TlsOptions, "minVersion" | "maxVersion">;

const ALL_PROTOCOLS = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** Hex digits of the digests whose length everybody knows: any other number can never match. */
const DIGEST_DIGITS: ReadonlyMap<string, number> = new Map([
  ["md5", 32],
  ["sha1", 40],
  ["sha224", 56],
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
]);

const DEPRECATED = "SSL_protocols is deprecated and will be removed in a future release! " +
  "Use SSL_protocol_{min,max} instead.";

/** For a tunnel, where the options have no effect. */
export const NO_TLS: TlsOptions = {
  verify: true,
  caFile: null,
  caPath: null,
  fingerprints: [],
  serverName: null,
  minVersion: null,
  maxVersion: null,
  cipherList: null,
  cipherSuites: null,
};

/**
 * @param warnings takes what is deprecated or without effect
 * @throws ConfigError
 */
export function tlsOptions(options: ServerOptions, warnings: string[]): TlsOptions {
  const suites = namesOf(writtenEntry(options, "SSL_ciphersuites"));
  const noTls13 = suites !== null && suites.length === 0;
  const versions = protocolVersions(options, warnings);
  if (noTls13 && versions.minVersion === "TLSv1.3") {
    throw new ConfigError(
      `${where(options, "SSL_ciphersuites")}: An empty SSL_ciphersuites leaves no protocol version`,
    );
  }
  return {
    verify: isYes(options, "SSL_verify"),
    caFile: writtenText(options, "SSL_CAfile"),
    caPath: writtenText(options, "SSL_CApath"),
    fingerprints: fingerprints(options),
    serverName: serverName(options),
    ...versions,
    cipherList: namesOf(writtenEntry(options, "SSL_cipherlist")),
    // For OpenSSL an empty list means that TLS 1.3 is not offered.
    ...(noTls13 ? { cipherSuites: null, maxVersion: "TLSv1.2" } : { cipherSuites: suites }),
  };
}

function protocolVersions(options: ServerOptions, warnings: string[]): Versions {
  const [min, max] = [writtenEntry(options, "SSL_protocol_min"), writtenEntry(options, "SSL_protocol_max")];
  const list = writtenEntry(options, "SSL_protocols");
  if (list !== null) warnOnce(warnings, `${at(list, options.file)}: ${DEPRECATED}`);
  if (min === null && max === null) {
    return list === null ? { minVersion: null, maxVersion: null } : listed(list, options);
  }
  if (list !== null) {
    warnOnce(
      warnings,
      `${at(list, options.file)}: Option SSL_protocols has no effect beside SSL_protocol_min and _max`,
    );
  }
  const minVersion = min === null ? null : protocolVersion(min, options);
  const maxVersion = max === null ? null : protocolVersion(max, options);
  if (min !== null && minVersion === "TLSv1.3" && maxVersion === "TLSv1.2") {
    throw invalidValue(min, options.file, "it is above SSL_protocol_max = TLSv1.2");
  }
  return { minVersion, maxVersion };
}

function protocolVersion(entry: IniEntry, options: ServerOptions): TlsVersion {
  const { value } = entry;
  if (value === "TLSv1.2" || value === "TLSv1.3") return value;
  const old = ALL_PROTOCOLS.includes(canonical(value));
  const reason = old ? "this program's TLS speaks TLSv1.2 and TLSv1.3 only" : "Unknown protocol version";
  throw invalidValue(entry, options.file, `${reason}: expected TLSv1.2 or TLSv1.3`);
}

/** The deprecated list: what is negated is out, and so is everything else once something is named without `!`. */
function listed(entry: IniEntry, options: ServerOptions): Versions {
  const words = entry.value.split(" ");
  const out = new Set(words.filter((word) => word.startsWith("!")).map((word) => canonical(word.slice(1))));
  const named = new Set(words.filter((word) => !word.startsWith("!")).map(canonical));
  const isOn = (name: string) => !out.has(name) && (named.size === 0 || named.has(name));
  const [on12, on13] = [isOn("TLSv1.2"), isOn("TLSv1.3")];
  if (!on12 && !on13) {
    const left = ALL_PROTOCOLS.filter(isOn).join(" ") || "nothing";
    throw invalidValue(
      entry,
      options.file,
      `it leaves ${left}, but this program's TLS speaks TLSv1.2 and TLSv1.3 only`,
    );
  }
  return { minVersion: on12 ? null : "TLSv1.3", maxVersion: on13 ? null : "TLSv1.2" };
}

function canonical(name: string): string {
  return name === "TLSv1.0" ? "TLSv1" : name;
}

function fingerprints(options: ServerOptions): readonly Fingerprint[] {
  const entry = writtenEntry(options, "SSL_fingerprint");
  if (entry === null) return [];
  return entry.value.toLowerCase().split(" ").map((pin) => {
    const [first = "", second] = pin.split("$");
    const parsed = second === undefined ? { algorithm: "sha256", digest: first } : { algorithm: first, digest: second };
    const digits = DIGEST_DIGITS.get(parsed.algorithm);
    if (digits !== undefined && parsed.digest.length !== digits) {
      throw invalidValue(entry, options.file, `expected ${digits} hex digits for ${parsed.algorithm}`);
    }
    return parsed;
  });
}

/** The runtime leaves out what is no ASCII without a word, and takes no addresses (RFC 6066 section 3). */
function serverName(options: ServerOptions): string | null {
  const entry = writtenEntry(options, "SSL_hostname");
  if (entry === null || (/^[A-Za-z0-9._-]*$/.test(entry.value) && !/^[0-9.]+$/.test(entry.value))) {
    return entry?.value ?? null;
  }
  throw invalidValue(entry, options.file, "expected a host name, in ASCII, or nothing for no SNI");
}

/** The names of a list of OpenSSL, which stand between colons, semicolons, commas or spaces; `@` begins one as well. */
function namesOf(entry: IniEntry | null): readonly string[] | null {
  return entry === null ? null : entry.value.split(/[:;, ]+|(?=@)/).filter((name) => name !== "");
}

function where(options: ServerOptions, name: string): string {
  const entry = writtenEntry(options, name);
  return entry === null ? options.file : at(entry, options.file);
}

/** A line that both servers inherit is one warning. */
function warnOnce(warnings: string[], text: string): void {
  if (!warnings.includes(text)) warnings.push(text);
}
