// --debug: what it adds, what it hides the first time and shows the second, and the digest that can be pinned.

import assert from "node:assert/strict";
import { mustRun } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainSection, tunnelSection, Workspace } from "../support/live/program.ts";
import { PASSWORD } from "../support/live_dovecot.ts";

/** Every form in which the password of a user goes over the wire. */
function secrets(user: string): readonly string[] {
  return [PASSWORD, PASSWORD.replaceAll(/["\\]/g, "\\$&"), btoa(`\0${user}\0${PASSWORD}`)];
}

function has(text: string, user: string): boolean {
  return secrets(user).some((secret) => text.includes(secret));
}

liveTest("--debug hides the password, --debug --debug shows it", async ({ lab, program }) => {
  const [local, remote] = [
    await lab.store("local", { format: "sdbox", separator: "/" }),
    await lab.store("remote", { format: "mdbox", separator: "." }),
  ];
  const daemon = await lab.daemon();
  for (const auth of ["PLAIN", "LOGIN"]) {
    const workspace = await Workspace.create(`${lab.directory}/${auth}`, tunnelSection(local), {
      ...plainSection(remote, daemon),
      auth,
    });
    const quiet = await workspace.sync(program, ["--quiet"]);
    assert.doesNotMatch(quiet.stderr, / [CS]: |IMAP traffic/);
    const once = await workspace.sync(program, ["--debug"]);
    assert.ok(!has(once.stderr, remote.name), auth);
    assert.match(
      once.stderr,
      new RegExp(`^remote: C: xxx ${auth === "LOGIN" ? "LOGIN" : "AUTHENTICATE PLAIN"} \\[REDACTED\\]$`, "m"),
    );
    assert.match(once.stderr, /^remote: C: \d{6} ENABLE QRESYNC$/m);
    assert.match(once.stderr, /^local: S: \* ENABLED QRESYNC$/m);
    const twice = await workspace.sync(program, ["--debug", "-q", "--debug"]);
    assert.ok(has(twice.stderr, remote.name), auth);
    assert.doesNotMatch(twice.stderr, /REDACTED|IMAP traffic/);
  }
});

liveTest("--debug prints the digest of the server's key as openssl computes it", async ({ lab, program }) => {
  const [local, remote] = [
    await lab.store("local", { format: "sdbox", separator: "/" }),
    await lab.store("remote", { format: "mdbox", separator: "." }),
  ];
  const { ca, good } = await lab.certificates();
  const daemon = await lab.daemon();
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), {
    ...plainSection(remote, daemon),
    type: "imaps",
    port: String(daemon.tlsPort),
    SSL_CAfile: ca,
  });
  const { stderr } = await workspace.sync(program, ["--debug"]);
  const command =
    `openssl x509 -in ${good.certificate} -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r`;
  const [digest = ""] = (await mustRun(["sh", "-c", command])).split(" ");
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.match(stderr, new RegExp(`^remote: .*digest.*: sha256\\$${digest}$`, "m"));
}, { newProgramOnly: true });
