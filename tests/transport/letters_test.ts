// Letters beyond ASCII in the texts of this folder: texts hold one character per octet, so that a log that writes them
// so shows what the configuration and the server have written (as UTF-8).

import assert from "node:assert/strict";
import { utf8Octets } from "../../lib/base/bytes.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { parseCommand } from "../../lib/transport/command_line.ts";
import { reasonOf } from "../../lib/transport/reason.ts";
import { connectSocks } from "../../lib/transport/socks.ts";
import { connectTcp, tcpPeer } from "../../lib/transport/tcp.ts";
import { loadTrustAnchors } from "../../lib/transport/trust.ts";
import { openTunnel } from "../../lib/transport/tunnel.ts";
import { verificationCause } from "../../lib/transport/verdict.ts";
import { environment, messageOf, recordingLogger } from "./helpers.ts";

const component = "remote";
const signal = new AbortController().signal;
/** é in UTF-8. */
const E_ACUTE = "\xc3\xa9";

Deno.test("`tcpPeer()` and failures to resolve show letters of the host as UTF-8", async () => {
  assert.equal(tcpPeer("é.example", 993), `${E_ACUTE}.example:993`);
  const options = { component, host: "é é", port: 1, keepAlive: false, signal };
  assert.ok((await messageOf(connectTcp(options))).startsWith(`getaddrinfo(${E_ACUTE} ${E_ACUTE}): `));
  const proxy = { host: "127.0.0.1", port: 1, resolve: "there", credentials: null } as const;
  const message = await messageOf(connectSocks({ ...options, proxy }));
  assert.equal(message, `getaddrinfo(${E_ACUTE} ${E_ACUTE}): invalid host name`);
});

Deno.test("a tunnel's command is named with its letters as UTF-8, and run as it is written", async () => {
  assert.equal(parseCommand("/opt/é/bin x")?.name, `/opt/${E_ACUTE}/bin`);
  assert.deepEqual(parseCommand("/opt/é/bin x")?.words, ["/opt/é/bin", "x"]);
  const options = { component, command: "/nonexistent/é", nullStderr: true, clock: systemClock, env: environment() };
  assert.equal(
    await messageOf(openTunnel(options)),
    `Can't run tunnel command '/nonexistent/${E_ACUTE}': no such file`,
  );
});

Deno.test("`loadTrustAnchors()` shows letters of SSL_CAfile, SSL_CApath and SSL_CERT_DIR as UTF-8", async () => {
  const lines: string[] = [];
  const base = { component, log: recordingLogger(lines), now: 0, caFile: null, caPath: null, env: environment() };
  const where = "Can't load trusted certificates from SSL_CA";
  const file = loadTrustAnchors({ ...base, caFile: "/nonexistent/é" });
  assert.equal(await messageOf(file), `${where}file /nonexistent/${E_ACUTE}: no such file`);
  const path = loadTrustAnchors({ ...base, caPath: "/nonexistent/é" });
  assert.equal(await messageOf(path), `${where}path /nonexistent/${E_ACUTE}: no such file`);
  const env = environment({ SSL_CERT_FILE: "/nonexistent/é.pem", SSL_CERT_DIR: "/nonexistent/é" });
  await assert.rejects(loadTrustAnchors({ ...base, env }));
  const unread = lines.filter((line) => line.includes("/nonexistent"));
  assert.equal(unread.length, 2);
  for (const line of unread) assert.ok(line.includes(`/nonexistent/${E_ACUTE}`) && !line.includes("é"), line);
});

Deno.test("`reasonOf()` and `verificationCause()` show letters as UTF-8", () => {
  assert.equal(reasonOf(new Error("Failed to spawn '/opt/é'")), `failed to spawn '/opt/${E_ACUTE}'`);
  const dates = { validFrom: 0, validTo: 2, selfSigned: false };
  const failed = {
    code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    host: "é.example",
    names: "DNS:x.example",
    leafIsAuthority: false,
    issuerIsTrusted: false,
    chain: [{ subject: "x.example", issuer: "Autorité", ...dates }] as const,
    now: 1,
  };
  assert.equal(
    verificationCause(failed),
    `the certificate's issuer '${utf8Octets("Autorité")}' is not known or not trusted`,
  );
  assert.equal(
    verificationCause({ ...failed, code: "ERR_TLS_CERT_ALTNAME_INVALID" }),
    `the certificate is for x.example, not for ${E_ACUTE}.example`,
  );
});
