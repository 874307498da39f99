// Which literals are sent: as the capabilities of this very moment allow, wherever the server has told them.

import { greetedClient } from "../support/client_rig.ts";

const NAME = "caf\xe9";

/** Where the server tells its capabilities, after a greeting that tells none of these. */
const PLACES: readonly (readonly [where: string, lines: (capabilities: string) => readonly string[]])[] = [
  ["in an untagged answer", (capabilities) => [`* CAPABILITY ${capabilities}`]],
  ["in a code", (capabilities) => [`* OK [CAPABILITY ${capabilities}] now`]],
];

for (const [where, lines] of PLACES) {
  Deno.test(`\`submit()\` does not wait before a literal when LITERAL+ was told ${where}, and does once it is gone`, async () => {
    const { session, server } = await greetedClient("IMAP4rev1");
    await server.send(...lines("IMAP4rev1 LITERAL+"), "* 0 RECENT");
    const first = session.create(NAME);
    await server.expect(`000000 CREATE {${NAME.length}+}`);
    await server.expect(NAME);
    await server.send(...lines("IMAP4rev1"), "000000 OK created");
    await first;
    const second = session.create(NAME);
    await server.expect(`000001 CREATE {${NAME.length}}`);
    await server.send("+ go on");
    await server.expect(NAME);
    await server.send("000001 OK created");
    await second;
    session.abort(new Error("end"));
  });
}
