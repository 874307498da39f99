// Which cipher suites SSL_cipherlist and SSL_ciphersuites leave, among those that the runtime has. Its TLS (rustls) offers
// all nine of them whatever it is asked for, so the choice is compared with what was negotiated. Pure. The language of
// the list is OpenSSL's (openssl-ciphers(1)); the order in it is not kept, because the runtime has its own.

import { TlsError } from "../errors.ts";

/** The suites of TLS 1.3 that the runtime has. */
const SUITES_13: readonly string[] = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
];

/** Those of TLS 1.2, by OpenSSL's names. */
const SUITES_12: readonly string[] = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
];

/** Words that stand for some of SUITES_12: what the names must contain. */
const SETS: ReadonlyMap<string, RegExp> = new Map([
  ...["ALL", "DEFAULT", "HIGH", "TLSv1.2", "ECDHE", "EECDH", "ECDH", "kECDHE", "kEECDH"].map(
    (word): [string, RegExp] => [word, /^/],
  ),
  ["aRSA", /-RSA-/],
  ["aECDSA", /-ECDSA-/],
  ["ECDSA", /-ECDSA-/],
  ["AES", /-AES/],
  ["AESGCM", /-AES\d+-GCM-/],
  ["AES128", /-AES128-/],
  ["AES256", /-AES256-/],
  ["CHACHA20", /-CHACHA20-/],
  ["FIPS", /-AES/],
]);

/** Words that are about the whole list; who leaves them out allows more than was asked for. */
const UNKEEPABLE = /^(?:SUITEB|PROFILE=)/;

/** The runtime refuses what levels 0 to 2 refuse (RSA below 2048 bits, SHA-1, RC4), and cannot be made stricter. */
const MAX_SECURITY_LEVEL = 2;

/** The two lists of TlsOptions. */
export interface CipherChoice {
  readonly cipherList: readonly string[] | null;
  readonly cipherSuites: readonly string[] | null;
}

/**
 * Names of the suites that may be negotiated.
 * @throws TlsError when a list leaves none, or has an entry whose meaning cannot be kept
 */
export function allowedSuites({ cipherList, cipherSuites }: CipherChoice, component: string): ReadonlySet<string> {
  return new Set([
    ...(cipherSuites === null ? SUITES_13 : chosenSuites(cipherSuites, component)),
    ...(cipherList === null ? SUITES_12 : chosenCiphers(cipherList, component)),
  ]);
}

function chosenSuites(names: readonly string[], component: string): readonly string[] {
  const chosen = SUITES_13.filter((suite) => names.includes(suite));
  if (chosen.length === 0) throw noneLeft("SSL_ciphersuites", names, SUITES_13, component);
  return chosen;
}

function chosenCiphers(entries: readonly string[], component: string): ReadonlySet<string> {
  const chosen = new Set<string>();
  const killed = new Set<string>();
  for (const entry of entries) {
    if (isCommand(entry, component)) continue;
    const operator = /^[!+-]/.exec(entry)?.[0] ?? "";
    const meant = suitesOf(entry.slice(operator.length));
    for (const suite of meant) {
      if (operator === "!") killed.add(suite);
      if (operator === "!" || operator === "-") chosen.delete(suite);
      else if (operator === "" && !killed.has(suite)) chosen.add(suite);
    }
  }
  if (chosen.size === 0) throw noneLeft("SSL_cipherlist", entries, SUITES_12, component);
  return chosen;
}

/** Entries with `@`: about order, which is not ours to keep, or about a level of security. */
function isCommand(entry: string, component: string): boolean {
  if (UNKEEPABLE.test(entry)) throw notUnderstood(entry, component);
  if (!entry.startsWith("@")) return false;
  const level = /^@SECLEVEL=(\d)$/.exec(entry)?.[1];
  if (entry === "@STRENGTH" || (level !== undefined && Number(level) <= MAX_SECURITY_LEVEL)) return true;
  throw notUnderstood(entry, component);
}

/** The suites that all words of `A+B+C` mean. A word that is unknown means none, as with OpenSSL. */
function suitesOf(expression: string): readonly string[] {
  let suites = SUITES_12;
  for (const word of expression.split("+")) {
    const pattern = SETS.get(word);
    suites = suites.filter((suite) => pattern === undefined ? suite === word : pattern.test(suite));
  }
  return suites;
}

function noneLeft(option: string, names: readonly string[], known: readonly string[], component: string): TlsError {
  return new TlsError(`${option} = ${names.join(":")} leaves no cipher suite that this program's TLS has`, {
    component,
    hints: [`It has ${known.join(", ")}`],
  });
}

function notUnderstood(entry: string, component: string): TlsError {
  return new TlsError(`SSL_cipherlist: this program's TLS can't keep what '${entry}' asks for`, { component });
}
