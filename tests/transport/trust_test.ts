// Where trusted certificates come from: files made for the test, never the machine's.

import assert from "node:assert/strict";
import { TlsError } from "../../lib/errors.ts";
import { loadTrustAnchors } from "../../lib/transport/trust.ts";
import { CertificateWorkshop } from "../support/certificates.ts";
import { environment, messageOf, noLog, recordingLogger } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const [first, second] = [await workshop.selfSigned("first"), await workshop.selfSigned("second")];
/** The certificate as `loadTrustAnchors()` gives it: without the line feed at the end. */
const [firstPem, secondPem] = [first.cert.trim(), second.cert.trim()];
const base = { component: "remote", caFile: null, caPath: null, env: environment(), log: noLog, now: Date.now() };

async function directoryWith(files: Record<string, string>): Promise<string> {
  const directory = await Deno.makeTempDir({ dir: workshop.directory });
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${directory}/${name}`, text);
  return directory;
}

Deno.test("`loadTrustAnchors()` takes SSL_CAfile alone, whatever the environment says", async () => {
  const env = environment({ SSL_CERT_FILE: second.certFile });
  assert.deepEqual(await loadTrustAnchors({ ...base, caFile: first.certFile, env }), [firstPem]);
});

Deno.test("`loadTrustAnchors()` refuses an SSL_CAfile that is missing, empty or no PEM, in one line", async () => {
  const damaged = first.cert.replace(/\n(.{10})/, "\nAAAAAAAAAA");
  const directory = await directoryWith({
    empty: "",
    text: "hello\n",
    key: first.key,
    damaged,
    cut: first.cert.slice(0, -40),
    half: second.cert + damaged,
  });
  const reasons: Record<string, RegExp> = {
    missing: /no such file$/,
    ".": /directory/,
    empty: /there is no PEM certificate in it$/,
    text: /there is no PEM certificate in it$/,
    key: /there is no PEM certificate in it$/,
    damaged: /can't be parsed$/,
    cut: /can't be parsed$/,
    half: /can't be parsed$/,
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const caFile = `${directory}/${name}`;
    const promise = loadTrustAnchors({ ...base, caFile });
    await assert.rejects(promise, TlsError);
    const message = await messageOf(promise);
    assert.ok(message.startsWith(`Can't load trusted certificates from SSL_CAfile ${caFile}: `), message);
    assert.match(message, reason);
    assert.doesNotMatch(message, /\n/);
  }
});

Deno.test("`loadTrustAnchors()` takes several certificates of one SSL_CAfile", async () => {
  const directory = await directoryWith({ both: `# comment - with dashes\n${first.cert}\n${second.cert}` });
  const anchors = await loadTrustAnchors({ ...base, caFile: `${directory}/both` });
  assert.equal(anchors?.join("").match(/BEGIN CERTIFICATE/g)?.length, 2);
});

Deno.test("`loadTrustAnchors()` honours SSL_CERT_FILE", async () => {
  const anchors = await loadTrustAnchors({ ...base, env: environment({ SSL_CERT_FILE: first.certFile }) });
  assert.ok(anchors?.includes(firstPem));
});

Deno.test("`loadTrustAnchors()` takes only hashed names from SSL_CERT_DIR, and all its directories", async () => {
  const one = await directoryWith({ "0123abcd.0": first.cert, "other.pem": second.cert });
  const two = await directoryWith({ "deadbeef.1": second.cert, "deadbeef.r0": "a CRL" });
  const env = environment({ SSL_CERT_DIR: `${one}:/nonexistent:${two}` });
  assert.deepEqual(await loadTrustAnchors({ ...base, env }), [firstPem, secondPem]);
  const only = environment({ SSL_CERT_DIR: one });
  assert.deepEqual(await loadTrustAnchors({ ...base, env: only }), [firstPem]);
});

Deno.test("`loadTrustAnchors()` reads a directory's bundle instead of its links, unless these are more", async () => {
  const bundle = first.cert + second.cert;
  const links = { "00000001.0": first.cert, "00000002.0": "no certificate" };
  const same = await directoryWith({ "ca-certificates.crt": bundle, ...links });
  assert.deepEqual(await loadTrustAnchors({ ...base, env: environment({ SSL_CERT_DIR: same }) }), [
    firstPem,
    secondPem,
  ]);
  const more = await directoryWith({ "ca-certificates.crt": first.cert, ...links, "00000002.0": second.cert });
  const anchors = await loadTrustAnchors({ ...base, env: environment({ SSL_CERT_DIR: more }) });
  assert.deepEqual(anchors, [firstPem, secondPem]);
});

Deno.test("`loadTrustAnchors()` falls back on nothing when the environment points to nothing", async () => {
  const empty = await directoryWith({ "other.pem": first.cert });
  for (const variables of [{ SSL_CERT_DIR: empty }, { SSL_CERT_DIR: empty, SSL_CERT_FILE: "/nonexistent" }]) {
    await assert.rejects(loadTrustAnchors({ ...base, env: environment(variables) }), TlsError);
  }
});

async function rehash(directory: string): Promise<void> {
  const { success } = await new Deno.Command("openssl", { args: ["rehash", directory], stderr: "null" }).output();
  assert.ok(success);
}

Deno.test("`loadTrustAnchors()` takes from SSL_CApath what `openssl rehash` has linked, and nothing else", async () => {
  const caPath = await directoryWith({ "one.pem": first.cert });
  await rehash(caPath);
  await Deno.writeTextFile(`${caPath}/two.pem`, second.cert);
  await Deno.writeTextFile(`${caPath}/ca-certificates.crt`, second.cert);
  const env = environment({ SSL_CERT_FILE: second.certFile });
  assert.deepEqual(await loadTrustAnchors({ ...base, caPath, env }), [firstPem]);
  await rehash(caPath);
  const both = await loadTrustAnchors({ ...base, caPath: `${caPath}/` });
  assert.deepEqual(both?.toSorted(), [firstPem, secondPem].toSorted());
});

Deno.test("`loadTrustAnchors()` takes SSL_CAfile and SSL_CApath together", async () => {
  const caPath = await directoryWith({ "0123abcd.0": second.cert });
  const anchors = await loadTrustAnchors({ ...base, caFile: first.certFile, caPath });
  assert.deepEqual(anchors, [firstPem, secondPem]);
});

Deno.test("`loadTrustAnchors()` passes over what is no certificate in SSL_CApath, and all but the first of a file", async () => {
  const caPath = await directoryWith({
    "00000001.0": first.cert + second.cert,
    "00000002.0": "hello",
    "00000003.0": first.cert.slice(0, -40),
    "00000004.r0": second.cert,
    "0000000g.0": second.cert,
  });
  // Deno.symlink() wants permissions for all files.
  assert.ok((await new Deno.Command("ln", { args: ["-s", "/nonexistent", `${caPath}/00000005.0`] }).output()).success);
  assert.deepEqual(await loadTrustAnchors({ ...base, caPath }), [firstPem]);
});

Deno.test("`loadTrustAnchors()` refuses an SSL_CApath in which it finds nothing, in one line", async () => {
  const unhashed = await directoryWith({ "ca.pem": first.cert });
  const reasons: Record<string, RegExp> = {
    [`${unhashed}/none`]: /: no such file$/,
    [first.certFile]: /: not a directory/i,
    [unhashed]: /: there is no certificate under a hashed name in it \(openssl rehash makes them\)$/,
  };
  for (const [caPath, reason] of Object.entries(reasons)) {
    const promise = loadTrustAnchors({ ...base, caPath });
    await assert.rejects(promise, TlsError);
    const message = await messageOf(promise);
    assert.ok(message.startsWith(`Can't load trusted certificates from SSL_CApath ${caPath}: `), message);
    assert.match(message, reason);
  }
});

Deno.test("`loadTrustAnchors()` leaves out authorities that have expired or are not valid yet, and says so", async () => {
  const old = await workshop.authority(null, "Old Root", { to: "20210102000000Z" });
  const early = await workshop.authority(null, "Early Root", { from: "20480102000000Z" });
  const files = await directoryWith({ mixed: old.cert + first.cert + early.cert, old: old.cert, early: early.cert });
  const lines: string[] = [];
  const mixed = `${files}/mixed`;
  const anchors = await loadTrustAnchors({ ...base, caFile: mixed, log: recordingLogger(lines) });
  assert.deepEqual(anchors, [firstPem]);
  assert.deepEqual(lines, [
    `warn SSL_CAfile ${mixed}: the certificate 'Old Root' in it expired on 2021-01-02`,
    `warn SSL_CAfile ${mixed}: the certificate 'Early Root' in it is not valid before 2048-01-02`,
  ]);
  assert.match(
    await messageOf(loadTrustAnchors({ ...base, caFile: `${files}/old` })),
    /'Old Root' in it expired on 2021/,
  );
  assert.match(
    await messageOf(loadTrustAnchors({ ...base, caFile: `${files}/early` })),
    /is not valid before 2048-01-02$/,
  );
  const caPath = await directoryWith({ "00000001.0": old.cert });
  assert.match(await messageOf(loadTrustAnchors({ ...base, caPath })), /SSL_CApath \S+: the certificate 'Old Root'/);
  const env = environment({ SSL_CERT_DIR: caPath });
  assert.match(
    await messageOf(loadTrustAnchors({ ...base, env })),
    /^No trusted certificates found where SSL_CERT_DIR/,
  );
});
