// Which mechanism is taken, by what the user wants and the server offers, and why none is.

import assert from "node:assert/strict";
import { chooseMechanism } from "../../lib/client/auth.ts";
import { AuthenticationError } from "../../lib/errors.ts";
import { Capabilities } from "../../lib/protocol/mod.ts";

const TAKEN: readonly (readonly [wanted: string, offered: string, taken: string])[] = [
  ["PLAIN LOGIN", "IMAP4rev1 AUTH=PLAIN", "PLAIN"],
  ["LOGIN PLAIN", "IMAP4rev1 AUTH=PLAIN", "LOGIN"], // counts as always offered
  ["PLAIN LOGIN", "IMAP4rev1", "LOGIN"],
  ["PLAIN LOGIN", "IMAP4rev1 AUTH=CRAM-MD5", "LOGIN"],
  ["XOAUTH2 PLAIN", "IMAP4rev1 AUTH=PLAIN", "PLAIN"], // what the server lacks is passed over
  ["PLAIN", "imap4rev1 auth=plain", "PLAIN"],
];

for (const [wanted, offered, taken] of TAKEN) {
  Deno.test(`\`chooseMechanism()\` takes ${taken} when ${wanted} is wanted and ${offered} offered`, () => {
    assert.equal(chooseMechanism(wanted.split(" "), new Capabilities(offered.split(" "))), taken);
  });
}

const REFUSED: readonly (readonly [wanted: string, offered: string, message: string])[] = [
  ["PLAIN", "IMAP4rev1", "Failed to choose an authentication mechanism"],
  ["CRAM-MD5 XOAUTH2", "IMAP4rev1 AUTH=PLAIN", "Failed to choose an authentication mechanism"],
  ["CRAM-MD5 PLAIN", "IMAP4rev1 AUTH=PLAIN AUTH=CRAM-MD5", "Unsupported authentication mechanism: CRAM-MD5"],
  ["PLAIN LOGIN", "IMAP4rev1 AUTH=PLAIN LOGINDISABLED", "Logins are disabled."],
  ["LOGIN", "IMAP4rev1 LOGINDISABLED", "Logins are disabled."],
];

for (const [wanted, offered, message] of REFUSED) {
  Deno.test(`\`chooseMechanism()\` throws when ${wanted} is wanted and ${offered} offered`, () => {
    assert.throws(() => chooseMechanism(wanted.split(" "), new Capabilities(offered.split(" "))), (error) => {
      assert.ok(error instanceof AuthenticationError);
      assert.equal(error.message, message);
      return true;
    });
  });
}
