// The options SSL_* as a user writes them, against TLS servers that are not ours: Dovecot, and OpenSSL where Dovecot
// cannot show it. What must not be said is looked for on the wire, or in what the server has decrypted.

import assert from "node:assert/strict";
import { type Certificate, opensslPin } from "../support/certificates.ts";
import { files, GOOD_NAMES } from "../support/live/lab_certificates.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { RunResult, Section } from "../support/live/program.ts";
import { lastLogin, logins, prepareTls } from "../support/live/tls_scene.ts";
import { OpenSslServer } from "../support/openssl_server.ts";
import { clientHello, tlsRecords, Wiretap } from "../support/wiretap.ts";

const ONLY_NEW = { newProgramOnly: true };

const CANT = "^remote: ERROR: Can't initiate TLS/SSL handshake with \\S+: ";

/** The digest that --debug shows, as SSL_fingerprint takes it. */
function shownPin({ lines }: RunResult): string {
  return /SSL_fingerprint takes it: (\S+)$/m.exec(lines.join("\n"))?.[1] ?? "none";
}

liveTest("servers with RSA, ECDSA and Ed25519 keys are verified, and pinned by what --debug shows", async (context) => {
  const { workshop, authority } = await context.lab.certificates();
  const keys = ["rsa", "ecdsa", "ecdsa-384", "ecdsa-521", "ed25519"] as const;
  const certificates: Certificate[] = [];
  for (const key of keys) {
    certificates.push(await workshop.leaf(authority, "localhost", { names: GOOD_NAMES, key }));
  }
  const profiles = Object.fromEntries(
    certificates.map((certificate, i) => [i + 2, { certificate: files(certificate) }]),
  );
  const { works } = await prepareTls(context, profiles);
  for (const [index, certificate] of certificates.entries()) {
    const host = `127.0.0.${index + 2}`;
    const pin = await opensslPin(certificate, "sha256");
    assert.equal(shownPin(await works({ host })), pin, keys[index] ?? "");
    await works({ host, SSL_fingerprint: pin, SSL_verify: "NO", SSL_CAfile: "/nonexistent" });
    assert.match(await lastLogin(context.lab), /^TLSv1\.3 with cipher TLS_AES_/);
  }
}, ONLY_NEW);

liveTest("a certificate that does not prove who the server is, is refused with its cause", async (context) => {
  const { workshop, authority, bad } = await context.lab.certificates();
  const { expired, wrongName, selfSigned } = await bad();
  const leaf = (from?: string) =>
    workshop.leaf(authority, "localhost", { names: GOOD_NAMES, ...(from === undefined ? {} : { from }) });
  const early = await leaf("20480102000000Z");
  const stranger = await workshop.authority(null, "Stranger");
  const foreign = await workshop.leaf(stranger, "localhost", { names: GOOD_NAMES });
  const middle = await workshop.authority(authority, "Middle");
  const chained = await workshop.leaf(middle, "localhost", { names: GOOD_NAMES });
  const old = await workshop.authority(null, "Old CA", { to: "20210102000000Z" });
  const ofOld = await workshop.leaf(old, "localhost", { names: GOOD_NAMES });
  const { refuses, works, ca } = await prepareTls(context, {
    2: { certificate: expired },
    3: { certificate: files(early) },
    4: { certificate: wrongName },
    5: { certificate: selfSigned },
    6: { certificate: files(foreign) },
    7: { certificate: files(chained) },
    8: { certificate: files(ofOld) },
  });
  const causes: readonly (readonly [what: string, options: Section, cause: string])[] = [
    ["expired", { host: "127.0.0.2" }, "the certificate expired on 2021-01-01$"],
    ["not yet valid", { host: "127.0.0.3" }, "the certificate is not valid before 2048-01-02$"],
    ["wrong name", { host: "127.0.0.4" }, "the certificate is for wrong\\.example, not for 127\\.0\\.0\\.4$"],
    [
      "wrong name that SNI asked for",
      { host: "127.0.0.4", SSL_hostname: "wrong.example" },
      "the certificate is for wrong\\.example, not for 127\\.0\\.0\\.4$",
    ],
    ["self-signed", { host: "127.0.0.5" }, "the certificate is self-signed and not trusted$"],
    ["unknown issuer", { host: "127.0.0.6" }, "the certificate's issuer 'Stranger' is not known or not trusted$"],
    ["missing link", { host: "127.0.0.7" }, "the certificate's issuer 'Middle' is not known or not trusted$"],
  ];
  for (const [what, options, cause] of causes) await refuses(what, options, new RegExp(`${CANT}${cause}`));
  await refuses(
    "a CA that expired",
    { host: "127.0.0.8", SSL_CAfile: old.certFile },
    /^remote: ERROR: .*SSL_CAfile .*: the certificate 'Old CA' in it expired on 2021-01-02$/,
  );
  const other = await context.lab.certificates().then(({ workshop }) => `${workshop.directory}/both.pem`);
  await Deno.writeTextFile(other, await Deno.readTextFile(ca) + stranger.cert);
  await works({ host: "127.0.0.6", SSL_CAfile: other });
  await works({ host: "127.0.0.5", SSL_CAfile: selfSigned.certificate });
  for (let number = 2; number <= 8; number++) await works({ host: `127.0.0.${number}`, SSL_verify: "NO" });
}, ONLY_NEW);

liveTest("nothing but the handshake is on the wire when the server is refused", async (context) => {
  const { bad } = await context.lab.certificates();
  const { wrongName } = await bad();
  const { ways, run, daemon } = await prepareTls(context, { 4: { certificate: wrongName } });
  for (const max of ["TLSv1.2", "TLSv1.3"]) {
    const options = { host: "127.0.0.4", SSL_protocol_max: max };
    for (const [way, section] of ways(options)) {
      await using tap = Wiretap.start(way === "imaps" ? daemon.tlsPort : daemon.port, "127.0.0.4");
      const result = await run({ ...section, port: String(tap.port) });
      assert.equal(result.code, 1, result.stderr);
      const [connection, ...others] = tap.connections();
      assert.ok(connection !== undefined && others.length === 0, "it has tried again");
      const { clear, records } = tlsRecords(connection.client);
      assert.equal(clear, way === "imaps" ? "" : "000000 STARTTLS\r\n");
      // In TLS 1.3 the Finished of the client and its close_notify look like data; there is no third one.
      const data = records.filter(({ type }) => type === 23);
      if (max === "TLSv1.2") assert.deepEqual(data, []);
      else {
        assert.ok(data.length <= 2, `${data.length} records`);
        assert.ok(data.every(({ body }) => body.length < 80), "more than a Finished");
      }
    }
  }
}, ONLY_NEW);

liveTest("SSL_protocol_min, SSL_protocol_max and SSL_protocols choose the version", async (context) => {
  const { works, refuses } = await prepareTls(context, { 2: { tls: { ssl_min_protocol: "TLSv1.3" } } });
  const chosen: readonly (readonly [options: Section, version: string])[] = [
    [{}, "TLSv1.3"],
    [{ SSL_protocol_max: "TLSv1.2" }, "TLSv1.2"],
    [{ SSL_protocol_min: "TLSv1.2", SSL_protocol_max: "TLSv1.2" }, "TLSv1.2"],
    [{ SSL_protocol_min: "TLSv1.3" }, "TLSv1.3"],
    [{ SSL_protocols: "!SSLv2 !SSLv3 !TLSv1 !TLSv1.1" }, "TLSv1.3"],
    [{ SSL_protocols: "!TLSv1.3" }, "TLSv1.2"],
    [{ SSL_protocols: "TLSv1.1 TLSv1.2" }, "TLSv1.2"],
    [{ SSL_protocols: "TLSv1.3 TLSv1.2 !TLSv1.2" }, "TLSv1.3"],
    [{ SSL_ciphersuites: "" }, "TLSv1.2"],
    [{ SSL_protocols: "!TLSv1.3", SSL_protocol_min: "TLSv1.3" }, "TLSv1.3"],
  ];
  for (const [options, version] of chosen) {
    const { lines } = await works(options);
    assert.ok((await lastLogin(context.lab)).startsWith(`${version} `), `${JSON.stringify(options)}: not ${version}`);
    const deprecated = lines.filter((line) => line.includes("SSL_protocols is deprecated"));
    assert.equal(deprecated.length, "SSL_protocols" in options ? 1 : 0);
  }
  await works({ host: "127.0.0.2", SSL_protocol_min: "TLSv1.3" });
  context.lab.expectLog(/SSL/);
  await refuses(
    "TLS 1.2 with a server of TLS 1.3",
    { host: "127.0.0.2", SSL_protocol_max: "TLSv1.2" },
    new RegExp(CANT),
  );
}, ONLY_NEW);

liveTest("a server of TLS 1.2 only, or of older ones only, is told apart", async (context) => {
  const { workshop, authority } = await context.lab.certificates();
  const certificate = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES });
  const { ways, run } = await prepareTls(context);
  const cases: readonly (readonly [flags: readonly string[], options: Section, said: RegExp])[] = [
    [["-tls1_2"], { SSL_protocol_min: "TLSv1.3" }, /: the server refuses it: no version of TLS in common$/],
    [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], {}, /: the server refuses it: no version of TLS in common$/],
    [["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], {}, /: no cipher suite, or kind of key, in common$/],
  ];
  for (const [flags, options, said] of cases) {
    const server = await OpenSslServer.start(certificate, { flags });
    const [, section = {}] = ways({ ...options, port: String(server.port) })[0] ?? [];
    const result = await run(section);
    assert.equal(result.code, 1);
    assert.match(result.lines.find((line) => line.includes("ERROR")) ?? "", said);
    assert.equal(await server.stop(), "");
  }
}, ONLY_NEW);

liveTest("versions that this program's TLS does not have are refused by file, line and option", async (context) => {
  const { refuses } = await prepareTls(context);
  const values: readonly (readonly [option: string, value: string])[] = [
    ...["SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1", "TLSv2", "tlsv1.2"].flatMap((value) =>
      [["SSL_protocol_min", value], ["SSL_protocol_max", value]] as const
    ),
    ["SSL_protocols", "SSLv3"],
    ["SSL_protocols", "TLSv1 TLSv1.1"],
    ["SSL_protocols", "!TLSv1.2 !TLSv1.3"],
    ["SSL_hostname", "192.0.2.1"],
    ["SSL_hostname", "büro.example"],
  ];
  for (const [option, value] of values) {
    await refuses(`${option} = ${value}`, { [option]: value }, new RegExp(`config:\\d+: Invalid option ${option} = `));
  }
}, ONLY_NEW);

liveTest("SSL_cipherlist and SSL_ciphersuites name what may be negotiated", async (context) => {
  const { works, refuses } = await prepareTls(context, {
    2: { tls: { ssl_cipher_list: "ECDHE-ECDSA-CHACHA20-POLY1305" } },
  });
  const old = { SSL_protocol_max: "TLSv1.2" };
  const chacha = { ...old, host: "127.0.0.2" };
  await works({ ...chacha, SSL_cipherlist: "AES256-SHA:NO-SUCH-SUITE:CHACHA20" });
  assert.equal(await lastLogin(context.lab), "TLSv1.2 with cipher ECDHE-ECDSA-CHACHA20-POLY1305");
  await works({ ...old, SSL_cipherlist: "DEFAULT@SECLEVEL=1" });
  await works({ SSL_ciphersuites: "TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384", SSL_cipherlist: "AES128" });
  assert.equal(await lastLogin(context.lab), "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384");
  const left = "the server chose (\\S+), which";
  await refuses(
    "!CHACHA20",
    { ...chacha, SSL_cipherlist: "ALL:!CHACHA20" },
    new RegExp(`${CANT}${left} SSL_cipherlist `),
  );
  await refuses(
    "another suite of TLS 1.3",
    { SSL_ciphersuites: "TLS_AES_128_GCM_SHA256" },
    new RegExp(`${CANT}${left} SSL_ciphersuites leaves out`),
  );
  await refuses("none left", { SSL_cipherlist: "AES256-SHA" }, /^remote: ERROR: SSL_cipherlist = AES256-SHA leaves no/);
  await refuses("none left", { SSL_ciphersuites: "X" }, /^remote: ERROR: SSL_ciphersuites = X leaves no/);
  await refuses("a level too high", { SSL_cipherlist: "ALL:@SECLEVEL=4" }, /^remote: ERROR: .*'@SECLEVEL=4'/);
}, ONLY_NEW);

liveTest("SSL_fingerprint is asked before anything is said, whether verification is on or off", async (context) => {
  const { workshop, authority, bad } = await context.lab.certificates();
  const { wrongName } = await bad();
  const certificate = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES });
  const { works, refuses, ways, run } = await prepareTls(context, {
    2: { certificate: files(certificate) },
    3: { certificate: wrongName },
  });
  const host = "127.0.0.2";
  const wrong = "00".repeat(32);
  const pin = await opensslPin(certificate, "sha256");
  for (const algorithm of ["sha256", "sha1", "sha512"]) {
    await works({ host, SSL_fingerprint: await opensslPin(certificate, algorithm) });
  }
  await works({ host, SSL_fingerprint: pin.replace("sha256$", "").toUpperCase() });
  const several = await works({ host, SSL_fingerprint: `sha512$${"00".repeat(64)} ${wrong} ${pin}`, SSL_verify: "NO" });
  assert.ok(several.lines.some((line) => line.includes(`matches pinned SPKI digest ${pin}`)));
  const whole = /=(\S+)/.exec(await fingerprintOf(certificate))?.[1]?.replaceAll(":", "") ?? "";
  for (const SSL_verify of ["YES", "NO"]) {
    for (const SSL_fingerprint of [wrong, whole, `sha1$${"00".repeat(20)} sha256$${wrong}`]) {
      for (const [way, section] of ways({ host, SSL_verify, SSL_fingerprint })) {
        const result = await run(section);
        assert.equal(result.code, 1, way);
        assert.ok(result.lines.includes("remote: WARNING: Fingerprint doesn't match! MiTM in action?"), result.stderr);
        const error = result.lines.find((line) => line.includes("ERROR")) ?? "";
        assert.match(error, new RegExp(`${CANT}SSL_fingerprint does not name the server's key`));
        assert.equal(shownPin(result), pin);
      }
    }
  }
  assert.equal((await logins(context.lab)).length, 10, "somebody logged in with a wrong pin");
  const pinned = {
    host: "127.0.0.3",
    SSL_fingerprint: await opensslPin({ certFile: wrongName.certificate }, "sha256"),
  };
  await works({ ...pinned, SSL_verify: "NO" });
  await refuses(
    "a pin does not make a name right",
    pinned,
    new RegExp(`${CANT}the certificate is for wrong\\.example`),
  );
  await refuses("an unknown digest", { host, SSL_fingerprint: `whirlpool9$00ff ${pin}` }, /'whirlpool9'/);
  await refuses("a digest too short", { host, SSL_fingerprint: "sha1$00ff" }, /config:\d+: .*expected 40 hex digits/);
  await refuses("colons", { host, SSL_fingerprint: "00:ff" }, /config:\d+: .*SSL_fingerprint/);
}, ONLY_NEW);

/** `sha256 Fingerprint=AB:CD:...` of the whole certificate. */
async function fingerprintOf({ certFile }: Certificate): Promise<string> {
  const args = ["x509", "-in", certFile, "-noout", "-fingerprint", "-sha256"];
  return new TextDecoder().decode((await new Deno.Command("openssl", { args }).output()).stdout).trim();
}

liveTest("SSL_hostname is the name that the server sees, and not the one that is verified", async (context) => {
  const { workshop, authority, bad } = await context.lab.certificates();
  const { wrongName } = await bad();
  const named = await workshop.leaf(authority, "named", { names: "DNS:localhost,IP:127.0.0.2" });
  const { ways, run, daemon } = await prepareTls(context, {
    2: { certificate: wrongName, byName: { "imap.example.net": files(named) } },
  });
  /** What the ClientHello asked for, and whether the run succeeded. */
  const seen = async (options: Section) => {
    const results: (readonly [name: string | null, code: number])[] = [];
    for (const [way, section] of ways(options)) {
      const address = options.host === "127.0.0.2" ? "127.0.0.2" : "127.0.0.1";
      await using tap = Wiretap.start(way === "imaps" ? daemon.tlsPort : daemon.port, address);
      const { code } = await run({ ...section, port: String(tap.port) });
      const [connection] = tap.connections();
      assert.ok(connection !== undefined);
      results.push([clientHello(connection.client).serverName, code]);
    }
    assert.deepEqual(results[0], results[1]);
    return results[0];
  };
  assert.deepEqual(await seen({ host: "localhost" }), ["localhost", 0]);
  assert.deepEqual(await seen({ host: "127.0.0.1" }), [null, 0]);
  assert.deepEqual(await seen({ host: "[127.0.0.1]" }), [null, 0]);
  assert.deepEqual(await seen({ host: "localhost", SSL_hostname: "" }), [null, 0]);
  assert.deepEqual(await seen({ host: "127.0.0.1", SSL_hostname: "" }), [null, 0]);
  assert.deepEqual(await seen({ host: "localhost", SSL_hostname: "other.example" }), ["other.example", 0]);
  assert.deepEqual(await seen({ host: "127.0.0.2" }), [null, 1]);
  assert.deepEqual(await seen({ host: "127.0.0.2", SSL_hostname: "imap.example.net" }), ["imap.example.net", 0]);
  assert.deepEqual(await seen({ host: "127.0.0.2", SSL_hostname: "wrong.example" }), ["wrong.example", 1]);
}, ONLY_NEW);

liveTest("trusted certificates come from SSL_CAfile, SSL_CApath, SSL_CERT_FILE and SSL_CERT_DIR", async (context) => {
  const { ca, workshop } = await context.lab.certificates();
  const stranger = await workshop.authority(null, "Stranger");
  const { works, refuses, ways, run } = await prepareTls(context);
  const directory = `${workshop.directory}/trusted`;
  await Deno.mkdir(directory);
  await Deno.copyFile(ca, `${directory}/ca.pem`);
  await refuses("unhashed", { SSL_CApath: directory }, /^remote: ERROR: .*SSL_CApath .*openssl rehash makes them\)$/);
  const { success } = await new Deno.Command("openssl", { args: ["rehash", directory], stderr: "null" }).output();
  assert.ok(success);
  await works({ SSL_CAfile: stranger.certFile, SSL_CApath: directory });
  const system: Section = { SSL_CAfile: "" };
  const bare = ways(system).map(([way, { SSL_CAfile: _, ...section }]) => [way, section] as const);
  for (const [way, section] of bare) {
    const path = await run({ ...section, SSL_CApath: directory });
    assert.equal(path.code, 0, `${way}: ${path.stderr}`);
    const none = await run(section);
    assert.equal(none.code, 1, way);
    assert.ok(none.lines.some((line) => line.includes("Using default locations for trusted CA certificates")));
    for (const variable of [`SSL_CERT_FILE=${ca}`, `SSL_CERT_DIR=/nonexistent:${directory}`]) {
      const result = await run(section, [variable]);
      assert.equal(result.code, 0, `${way}, ${variable}: ${result.stderr}`);
    }
    const wins = await run({ ...section, SSL_CAfile: stranger.certFile }, [`SSL_CERT_FILE=${ca}`]);
    assert.equal(wins.code, 1, "SSL_CAfile does not win over SSL_CERT_FILE");
    const empty = await run(section, [`SSL_CERT_DIR=${workshop.directory}`]);
    assert.equal(empty.code, 1);
    assert.match(empty.stderr, /No trusted certificates found where SSL_CERT_DIR points to/);
  }
}, ONLY_NEW);
