// Where trusted certificates come from: files made for the test, never the machine's.

import assert from "node:assert/strict";
import { TlsError } from "../../lib/errors.ts";
import { loadTrustAnchors } from "../../lib/transport/trust.ts";
import { CertificateWorkshop } from "../support/certificates.ts";
import { environment, messageOf, noLog } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const [first, second] = [await workshop.selfSigned("first"), await workshop.selfSigned("second")];
const base = { component: "remote", caFile: null, caPath: null, env: environment(), log: noLog };

async function directoryWith(files: Record<string, string>): Promise<string> {
  const directory = await Deno.makeTempDir({ dir: workshop.directory });
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${directory}/${name}`, text);
  return directory;
}

Deno.test("`loadTrustAnchors()` takes SSL_CAfile alone, whatever the environment says", async () => {
  const env = environment({ SSL_CERT_FILE: second.certFile });
  assert.deepEqual(await loadTrustAnchors({ ...base, caFile: first.certFile, env }), [first.cert]);
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
  assert.ok(anchors?.includes(first.cert));
});

Deno.test("`loadTrustAnchors()` takes only hashed names from SSL_CERT_DIR, and all its directories", async () => {
  const one = await directoryWith({ "0123abcd.0": first.cert, "other.pem": second.cert });
  const two = await directoryWith({ "deadbeef.1": second.cert, "deadbeef.r0": "a CRL" });
  const env = environment({ SSL_CERT_DIR: `${one}:/nonexistent:${two}` });
  assert.deepEqual(await loadTrustAnchors({ ...base, env }), [first.cert, second.cert]);
  const only = environment({ SSL_CERT_DIR: one });
  assert.deepEqual(await loadTrustAnchors({ ...base, env: only }), [first.cert]);
});

Deno.test("`loadTrustAnchors()` reads a directory's bundle instead of its links, unless these are more", async () => {
  const bundle = first.cert + second.cert;
  const links = { "00000001.0": first.cert, "00000002.0": second.cert };
  const same = await directoryWith({ "ca-certificates.crt": bundle, ...links });
  assert.deepEqual(await loadTrustAnchors({ ...base, env: environment({ SSL_CERT_DIR: same }) }), [bundle]);
  const more = await directoryWith({ "ca-certificates.crt": first.cert, ...links });
  const anchors = await loadTrustAnchors({ ...base, env: environment({ SSL_CERT_DIR: more }) });
  assert.ok(anchors?.includes(second.cert));
});

Deno.test("`loadTrustAnchors()` falls back on nothing when the environment points to nothing", async () => {
  const empty = await directoryWith({ "other.pem": first.cert });
  for (const variables of [{ SSL_CERT_DIR: empty }, { SSL_CERT_DIR: empty, SSL_CERT_FILE: "/nonexistent" }]) {
    await assert.rejects(loadTrustAnchors({ ...base, env: environment(variables) }), TlsError);
  }
});
