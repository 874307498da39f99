// The same options SSL_* in the hands of the original: who is accepted by one program is accepted by the other, but for
// the rows that say why not.

import assert from "node:assert/strict";
import { opensslPin } from "../support/certificates.ts";
import { files, GOOD_NAMES } from "../support/live/lab_certificates.ts";
import { liveTest } from "../support/live/live_case.ts";
import { type Section, theOriginal } from "../support/live/program.ts";
import { prepareTls } from "../support/live/tls_scene.ts";

/** Options, and with what outcome: of both programs, or where they differ of the original and of this one. */
type Row = readonly [options: Section, outcome: "accepted" | "refused" | readonly ["accepted" | "refused", string]];

liveTest("the original accepts and refuses the same servers by the same options", async (context) => {
  const { workshop, authority, bad } = await context.lab.certificates();
  const { expired, wrongName, selfSigned } = await bad();
  const stranger = await workshop.authority(null, "Stranger");
  const old = await workshop.authority(null, "Old CA", { to: "20210102000000Z" });
  const middle = await workshop.authority(authority, "Middle");
  const of = (issuer: typeof authority, name = "localhost", names = GOOD_NAMES) =>
    workshop.leaf(issuer, name, { names });
  const [foreign, ofOld, chained] = [await of(stranger), await of(old), await of(middle)];
  const commonNameOnly = await of(authority, "localhost", "");
  const client = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES, usage: "clientAuth" });
  const rsa = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES, key: "rsa" });
  const hashed = `${workshop.directory}/hashed`;
  await Deno.mkdir(hashed);
  await Deno.copyFile(authority.certFile, `${hashed}/ca.pem`);
  await new Deno.Command("openssl", { args: ["rehash", hashed], stderr: "null" }).output();
  const { ways, run } = await prepareTls(context, {
    2: { certificate: expired },
    3: { certificate: wrongName },
    4: { certificate: selfSigned },
    5: { certificate: files(foreign) },
    6: { certificate: files(ofOld) },
    7: { certificate: files(chained) },
    8: { certificate: files(commonNameOnly) },
    9: { certificate: files(client) },
    10: { certificate: files(rsa), tls: { ssl_cipher_list: "ECDHE-RSA-AES256-GCM-SHA384" } },
  });
  const pin = await opensslPin(rsa, "sha256");
  const [ten, wrong] = [{ host: "127.0.0.10" }, "00".repeat(32)];
  const rows: readonly Row[] = [
    [{}, "accepted"],
    [{ host: "localhost" }, "accepted"],
    [{ host: "localhost", SSL_hostname: "" }, "accepted"],
    [{ host: "localhost", SSL_hostname: "other.example" }, "accepted"],
    [{ host: "127.0.0.2" }, "refused"],
    [{ host: "127.0.0.2", SSL_verify: "NO" }, "accepted"],
    [{ host: "127.0.0.3" }, "refused"],
    [{ host: "127.0.0.3", SSL_hostname: "wrong.example" }, "refused"],
    [{ host: "127.0.0.4" }, "refused"],
    [{ host: "127.0.0.4", SSL_CAfile: selfSigned.certificate }, "accepted"],
    [{ host: "127.0.0.5" }, "refused"],
    [{ host: "127.0.0.5", SSL_CAfile: stranger.certFile }, "accepted"],
    [{ host: "127.0.0.6", SSL_CAfile: old.certFile }, "refused"],
    [{ host: "127.0.0.7" }, "refused"],
    [{ host: "127.0.0.7", SSL_CAfile: middle.certFile }, ["refused", "accepted: OpenSSL wants a root"]],
    [{ host: "127.0.0.8" }, "refused"], // an address is not a common name
    [{ host: "127.0.0.9" }, "refused"],
    [{ SSL_CAfile: stranger.certFile, SSL_CApath: hashed }, "accepted"],
    [{ SSL_CAfile: stranger.certFile, SSL_CApath: workshop.directory }, ["refused", "refused: nothing in SSL_CApath"]],
    [{ ...ten, SSL_fingerprint: pin }, "accepted"],
    [{ ...ten, SSL_fingerprint: `${wrong} ${pin.toUpperCase().replace("SHA256", "sha256")}` }, "accepted"],
    [{ ...ten, SSL_fingerprint: await opensslPin(rsa, "sha512") }, "accepted"],
    [{ ...ten, SSL_fingerprint: await opensslPin(rsa, "sha1"), SSL_verify: "NO" }, "accepted"],
    [{ ...ten, SSL_fingerprint: wrong }, "refused"],
    [{ ...ten, SSL_fingerprint: wrong, SSL_verify: "NO" }, "refused"],
    [{ ...ten, SSL_fingerprint: `whirlpool9$${wrong}` }, "refused"],
    [{ SSL_fingerprint: pin }, "refused"],
    [{ SSL_protocol_min: "TLSv1.3" }, "accepted"],
    [{ SSL_protocol_max: "TLSv1.2" }, "accepted"],
    [{ SSL_protocols: "!SSLv2 !SSLv3 !TLSv1 !TLSv1.1" }, "accepted"],
    [{ SSL_protocols: "!TLSv1.2 !TLSv1.3" }, "refused"],
    [{ SSL_protocol_min: "TLSv9" }, "refused"],
    [{ ...ten, SSL_protocol_max: "TLSv1.2", SSL_cipherlist: "AES256:NO-SUCH-SUITE" }, "accepted"],
    [{ ...ten, SSL_protocol_max: "TLSv1.2", SSL_cipherlist: "DEFAULT@SECLEVEL=1" }, "accepted"],
    [{ ...ten, SSL_protocol_max: "TLSv1.2", SSL_cipherlist: "ALL:!AES" }, "refused"],
    [{ ...ten, SSL_cipherlist: "NO-SUCH-SUITE" }, "refused"],
    [{ ...ten, SSL_ciphersuites: "" }, ["refused", "accepted: over TLS 1.2, while OpenSSL offers 1.3 without suites"]],
    [{ ...ten, SSL_ciphersuites: "TLS_AES_256_GCM_SHA384" }, "accepted"],
    [{ ...ten, SSL_ciphersuites: "TLS_AES_128_GCM_SHA256" }, ["accepted", "refused: it can't choose what it offers"]],
  ];
  const original = await theOriginal();
  for (const [options, outcome] of rows) {
    const [ofOriginal, ours] = typeof outcome === "string" ? [outcome, outcome] : outcome;
    for (const [way, section] of ways(options)) {
      const what = `${way}: ${JSON.stringify(options)}`;
      const theirs = await run(section, [], original);
      assert.equal(theirs.code === 0 ? "accepted" : "refused", ofOriginal, `the original, ${what}: ${theirs.stderr}`);
      const mine = await run(section);
      assert.equal(mine.code === 0 ? "accepted" : "refused", ours.replace(/:.*/, ""), `${what}: ${mine.stderr}`);
      assert.ok(mine.code <= 1, mine.stderr);
    }
  }
}, { newProgramOnly: true });
