// Pins, without a server: the digest against the recipe of the man page, which uses openssl alone.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { TlsError } from "../../lib/errors.ts";
import { checkAlgorithms, keyDigest, matchingPin } from "../../lib/transport/fingerprint.ts";
import { CertificateWorkshop, opensslPin } from "../support/certificates.ts";
import { readTlsOptions } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const authority = await workshop.authority(null, "Authority");

const pinsOf = (text: string) => readTlsOptions(`SSL_fingerprint = ${text}`).fingerprints;

for (const key of ["rsa", "rsa-4096", "ecdsa", "ecdsa-384", "ecdsa-521", "ed25519"] as const) {
  Deno.test(`\`keyDigest()\` and \`matchingPin()\` agree with openssl about a key of kind ${key}`, async () => {
    const leaf = await workshop.leaf(authority, "leaf", { names: "DNS:localhost", key });
    const certificate = new X509Certificate(leaf.cert);
    assert.equal(await keyDigest(certificate), await opensslPin(leaf, "sha256"));
    for (const algorithm of ["sha256", "sha1", "sha224", "sha384", "sha512", "md5", "ripemd160"]) {
      const pins = pinsOf(await opensslPin(leaf, algorithm));
      await checkAlgorithms(pins, "remote");
      assert.deepEqual(await matchingPin(certificate, pins), pins[0], algorithm);
      const flipped = pins.map(({ digest }) => ({
        algorithm,
        digest: digest.replace(/^./, (hex) => hex === "0" ? "1" : "0"),
      }));
      assert.equal(await matchingPin(certificate, flipped), null, algorithm);
    }
  });
}

Deno.test("`matchingPin()` takes SHA-256 when no digest is named, capital letters, and any of several", async () => {
  const leaf = await workshop.leaf(authority, "leaf", { names: "DNS:localhost" });
  const certificate = new X509Certificate(leaf.cert);
  const [, hex = ""] = (await opensslPin(leaf, "sha256")).split("$");
  const wrong = "00".repeat(32);
  for (
    const text of [
      hex,
      hex.toUpperCase(),
      `SHA256$${hex}`,
      `${wrong} ${hex}`,
      `sha1$${"00".repeat(20)} ${wrong} ${hex}`,
    ]
  ) {
    assert.equal((await matchingPin(certificate, pinsOf(text)))?.digest, hex, text);
  }
  assert.equal(await matchingPin(certificate, pinsOf(`${wrong} sha1$${"00".repeat(20)}`)), null);
});

Deno.test("`matchingPin()` does not take the digest of the certificate, a part of the right one, or nothing", async () => {
  const leaf = await workshop.leaf(authority, "leaf", { names: "DNS:localhost" });
  const certificate = new X509Certificate(leaf.cert);
  const [, hex = ""] = (await opensslPin(leaf, "sha256")).split("$");
  const whole = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  for (const digest of [whole, hex.slice(0, 32), hex.slice(0, 63), `${hex}00`, ""]) {
    assert.equal(await matchingPin(certificate, [{ algorithm: "sha256", digest }]), null, digest);
  }
});

Deno.test("`checkAlgorithms()` refuses a digest that the runtime does not have, by its name", async () => {
  await assert.rejects(checkAlgorithms(pinsOf(`${"00".repeat(32)} whirlpool9$00ff`), "remote"), (error) => {
    assert.ok(error instanceof TlsError && error.component === "remote");
    assert.equal(error.message, "SSL_fingerprint: Can't find MD value for name 'whirlpool9'");
    return true;
  });
});
