// The language of SSL_cipherlist against the one that invented it: `openssl ciphers` says what each list means.

import assert from "node:assert/strict";
import { TlsError } from "../../lib/errors.ts";
import { allowedSuites } from "../../lib/transport/ciphers.ts";
import { readTlsOptions } from "./helpers.ts";

const ALL_12 = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305",
];
const ALL_13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** Suites of TLS 1.2 that our reading of the option leaves; null: it is refused. */
function ours(list: string): readonly string[] | null {
  try {
    const suites = allowedSuites(readTlsOptions(`SSL_cipherlist = ${list}`), "remote");
    return ALL_12.filter((suite) => suites.has(suite));
  } catch (error) {
    assert.ok(error instanceof TlsError, `${error}`);
    return null;
  }
}

/** The same by OpenSSL, of those that the runtime has; null: none of them. */
async function openssl(list: string): Promise<readonly string[] | null> {
  const { stdout } = await new Deno.Command("openssl", { args: ["ciphers", "--", list], stderr: "null" }).output();
  const names = new TextDecoder().decode(stdout).trim().split(":");
  const suites = ALL_12.filter((suite) => names.includes(suite));
  return suites.length === 0 ? null : suites;
}

const WORDS =
  ("ALL DEFAULT HIGH TLSv1.2 ECDHE EECDH ECDH kECDHE kEECDH aRSA aECDSA ECDSA AES AESGCM AES128 AES256 CHACHA20 " +
    "FIPS COMPLEMENTOFALL COMPLEMENTOFDEFAULT MEDIUM LOW EXPORT aNULL eNULL NULL kRSA RSA kDHE DHE EDH DH ADH AECDH aDSS " +
    "AESCCM AESCCM8 CBC CAMELLIA ARIA 3DES DES RC4 SEED MD5 SHA SHA1 SHA256 SHA384 PSK kECDHEPSK SRP GOST TLSv1 TLSv1.0 " +
    "SSLv3 NO-SUCH-SUITE NONSENSE AES256-SHA ECDHE-RSA-AES256-SHA384 TLS_AES_256_GCM_SHA384").split(" ").concat(ALL_12);

Deno.test("`allowedSuites()` means by every word what OpenSSL means", async () => {
  for (const word of WORDS) {
    assert.deepEqual(ours(word), await openssl(word), word);
    if (word !== "DEFAULT") assert.deepEqual(ours(`ALL:!${word}`), await openssl(`ALL:!${word}`), `!${word}`);
  }
});

Deno.test("`allowedSuites()` joins words and operators as OpenSSL does", async () => {
  const lists = [
    "ECDHE+AESGCM",
    "ECDHE+aRSA+AES256",
    "EECDH+CHACHA20:EECDH+AESGCM",
    "HIGH:!aNULL:!MD5:!kRSA",
    "DEFAULT:!ECDSA:-AES128:+AES256",
    "ALL:-AES:AES128",
    "ALL:!AES:AES128",
    "-ALL:CHACHA20",
    "CHACHA20:-ECDSA:ECDSA",
    "AES256 AES128,CHACHA20",
    "AES256+NONSENSE:CHACHA20",
    "!NONSENSE:AES128",
    "DEFAULT@SECLEVEL=1",
    "ALL:@SECLEVEL=0:!AES",
    "HIGH@STRENGTH",
    "@STRENGTH:AES",
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:!ECDSA",
    ...ALL_12.map((suite) => `${suite}:AES256-SHA`),
  ];
  for (const list of lists) assert.deepEqual(ours(list), await openssl(list), list);
});

Deno.test("`allowedSuites()` understands lists made at random as OpenSSL does", async () => {
  let seed = 20;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const word = () => WORDS.filter((name) => name !== "DEFAULT")[next(WORDS.length - 1)] ?? "ALL";
  const entry = () => `${["", "", "", "!", "-", "+"][next(6)]}${word()}${next(4) === 0 ? `+${word()}` : ""}`;

  for (let round = 0; round < 200; round++) {
    const list = Array.from({ length: 1 + next(5) }, entry).join(":");
    assert.deepEqual(ours(list), await openssl(list), list);
  }
});

Deno.test("`allowedSuites()` refuses lists that leave nothing, and what it cannot keep, in one line", () => {
  const refused: readonly (readonly [list: string, said: RegExp])[] = [
    ["AES256-SHA:DHE-RSA-AES256-SHA", /^SSL_cipherlist = AES256-SHA:DHE-RSA-AES256-SHA leaves no cipher suite/],
    ["AES:!ALL", /leaves no cipher suite that this program's TLS has$/],
    ["NONSENSE", /leaves no cipher suite/],
    ["HIGH@SECLEVEL=3", /can't keep what '@SECLEVEL=3' asks for/],
    ["HIGH:@NONSENSE", /can't keep what '@NONSENSE' asks for/],
    ["SUITEB128", /can't keep what 'SUITEB128' asks for/],
    ["PROFILE=SYSTEM", /can't keep what 'PROFILE=SYSTEM' asks for/],
  ];
  for (const [list, said] of refused) {
    assert.throws(() => allowedSuites(readTlsOptions(`SSL_cipherlist = ${list}`), "remote"), (error) => {
      assert.ok(error instanceof TlsError && error.component === "remote");
      assert.match(error.message, said);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});

Deno.test("`allowedSuites()` takes those of SSL_ciphersuites that it knows, and the other list as it is", () => {
  const chosen = (line: string) => [...allowedSuites(readTlsOptions(line), "remote")].toSorted();
  assert.deepEqual(chosen(""), [...ALL_12, ...ALL_13]);
  assert.deepEqual(chosen("SSL_ciphersuites = TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:X"), [
    ...ALL_12,
    ALL_13[0],
  ]);
  assert.deepEqual(chosen("SSL_cipherlist = CHACHA20+ECDSA"), [ALL_12[2], ...ALL_13]);
  assert.throws(
    () => chosen("SSL_ciphersuites = TLS_AES_128_CCM_SHA256"),
    /^TlsError: SSL_ciphersuites = .* leaves no/,
  );
});
