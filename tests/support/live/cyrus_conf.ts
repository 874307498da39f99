// Renders the configuration of a private Cyrus IMAP server (3.6), pure: values in, text out. Nothing of /etc is read by
// it, everything runs as one ordinary user, and files stay below one directory.

import type { CertificateFiles } from "./dovecot_conf.ts";

/** How a server spells names, and what it does with mailboxes that are deleted. */
export interface CyrusLayout {
  /** Between the levels of a name. */
  readonly separator: "/" | ".";
  /** Mailboxes are beside INBOX, not below it (`altnamespace`). */
  readonly besideInbox: boolean;
  /** `delayed` keeps deleted mailboxes for a while, under a name that holds the second of the deletion. */
  readonly deleteMode: "immediate" | "delayed";
}

export interface CyrusSettings {
  /** Holds everything; short, because unix sockets are in it. */
  readonly directory: string;
  /** Where the Debian packages were unpacked. */
  readonly installation: string;
  readonly user: string;
  readonly group: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly certificate: CertificateFiles;
  readonly layout: CyrusLayout;
}

/** Folders that the server expects below its directory. */
export const CYRUS_FOLDERS: readonly string[] = [
  "spool",
  "tmp",
  ...["db", "socket", "proc", "log", "msg", "ptclient", "lock"].map((name) => `conf/${name}`),
];

const yesNo = (value: boolean) => value ? "yes" : "no";

/** imapd.conf(5). A user gets an INBOX by logging in. */
export function imapdConf(settings: CyrusSettings): string {
  const { directory, user, group, certificate, layout } = settings;
  return `configdirectory: ${directory}/conf
defaultpartition: default
partition-default: ${directory}/spool
temp_path: ${directory}/tmp
cyrus_user: ${user}
cyrus_group: ${group}
servername: localhost
admins: admin
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${directory}/sasldb2
unixhierarchysep: ${yesNo(layout.separator === "/")}
altnamespace: ${yesNo(layout.besideInbox)}
delete_mode: ${layout.deleteMode}
virtdomains: off
autocreate_quota: 0
autocreate_post: yes
skiplist_unsafe: yes
tls_server_cert: ${certificate.certificate}
tls_server_key: ${certificate.key}
tls_session_timeout: 0
syslog_prefix: cyrus
`;
}

/** cyrus.conf(5). */
export function masterConf(settings: CyrusSettings): string {
  const { directory, installation, port, tlsPort } = settings;
  const command = (program: string, args = "") =>
    `cmd="${installation}/usr/lib/cyrus/bin/${program} -C ${directory}/imapd.conf${args}"`;
  const listen = (number: number) => `listen="127.0.0.1:${number}" prefork=0 proto="tcp4"`;
  return `START {
  recover ${command("ctl_cyrusdb", " -r")}
}
SERVICES {
  imap ${command("imapd", " -U 30")} ${listen(port)}
  imaps ${command("imapd", " -s -U 30")} ${listen(tlsPort)}
}
EVENTS {
}
DAEMON {
  idled ${command("idled")}
}
`;
}
