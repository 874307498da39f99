// Dovecot with something taken away: capabilities by the loopback address that is connected to, and rights, quota or
// mod-sequences by the name under which a user logs in. Pure settings, but for the files of those names.

import type { Lab, MailStore, Profile } from "../live_dovecot.ts";
import { PASSWORD } from "../live_dovecot.ts";
import { passwdLine } from "./dovecot_conf.ts";
import type { Section } from "./program.ts";

/** What Dovecot 2.3.19 offers after login, without what nobody asks for. */
const ALL = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT MULTIAPPEND CATENATE UNSELECT CHILDREN NAMESPACE " +
  "UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY " +
  "MOVE STATUS=SIZE SAVEDATE LITERAL+ NOTIFY COMPRESS=DEFLATE";

/** All capabilities but these. @throws Error for one that is not there anyway */
export function without(...removed: readonly string[]): Profile {
  const names = ALL.split(" ");
  for (const name of removed) if (!names.includes(name)) throw new Error(`There is no capability ${name}`);
  return { capabilities: names.filter((name) => !removed.includes(name)).join(" ") };
}

/** All capabilities and these. */
export function withAlso(...added: readonly string[]): Profile {
  return { capabilities: [ALL, ...added].join(" ") };
}

/** A profile by a name, at an address of its own. */
export interface Placed {
  readonly title: string;
  readonly profile: Profile;
  /** 127.0.0.N */
  readonly host: string;
}

/** Gives each profile an address: 127.0.0.2 and those that follow. */
export function place(profiles: Readonly<Record<string, Profile>>): readonly Placed[] {
  return Object.entries(profiles).map(([title, profile], index) => ({ title, profile, host: `127.0.0.${index + 2}` }));
}

/** For Lab.daemon(). */
export function byNumber(placed: readonly Placed[]): Record<number, Profile> {
  return Object.fromEntries(placed.map(({ host, profile }) => [Number(host.split(".")[3]), profile]));
}

/**
 * Another name for the user of a store: the same mail, with other settings of the server. `fields` are fields of
 * Dovecot's userdb without the prefix, and cannot hold spaces. Returns the options of a section.
 */
export async function alias(
  lab: Lab,
  store: MailStore,
  name: string,
  fields: Readonly<Record<string, string>>,
): Promise<Section> {
  // Of a field that stands twice the last counts.
  const own = Object.entries(fields).map(([key, value]) => ` userdb_${key}=${value}`).join("");
  const line = `${passwdLine(name, PASSWORD, store.home, store.layout).trimEnd()}${own}\n`;
  await Deno.writeTextFile(`${lab.directory}/users/${name}`, line);
  return { username: name };
}

/** As much mail as this and no more: `storage` in bytes, or with k, M. */
export function quota(storage: string): Readonly<Record<string, string>> {
  return {
    mail_plugins: "quota",
    quota: "count:User",
    quota_vsizes: "yes",
    quota_grace: "0",
    quota_rule: `*:storage=${storage}`,
  };
}

/** The rights of RFC 4314 that the user has, in all mailboxes. */
export async function rights(lab: Lab, letters: string): Promise<Readonly<Record<string, string>>> {
  const file = `${lab.directory}/acl-${letters}`;
  await Deno.writeTextFile(file, `* owner ${letters}\n`);
  return { mail_plugins: "acl", acl: `vfile:${file}` };
}

/** For maildir: keeps no index, and so no mod-sequences: SELECT answers [NOMODSEQ]. */
export function withoutModSeq(store: MailStore): Readonly<Record<string, string>> {
  return { mail: `${store.layout.format}:~/${store.layout.format}:INDEX=MEMORY` };
}
