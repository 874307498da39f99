// Renders the configuration of private Dovecot servers (2.3), pure: values in, text out. Nothing of /etc is read by
// them, everything runs as one ordinary user, and files stay below one directory.

export type MailFormat = "maildir" | "mdbox" | "sdbox";

/**
 * How a store keeps its mail. All nine combinations work; names differ in what they may not contain: the separator
 * of course, with maildir also `.`, and with a separator other than `/` also `/`.
 */
export interface Layout {
  readonly format: MailFormat;
  readonly separator: "/" | "." | "^";
}

function layoutSettings(layout: Layout): string {
  return `mail_location = ${layout.format}:~/${layout.format}
namespace inbox {
  inbox = yes
  separator = "${layout.separator}"
}
`;
}

/** For `doveadm exec imap`: a server on standard input and output, already logged in. */
export function tunnelConf(home: string, layout: Layout): string {
  return `mail_home = ${home}
${layoutSettings(layout)}ssl = no
mail_fsync = never
`;
}

/** Server certificate and key, as paths of PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What a server that listens is told beyond the defaults, chosen by the address that the client connects to. */
export interface Profile {
  /** Replaces the list of capabilities, before and after login. */
  readonly capabilities?: string;
  readonly literalMinus?: boolean;
  readonly certificate?: CertificateFiles;
  /** More connections of one user from one address are refused. */
  readonly connectionsPerUser?: number;
  /** Passwords in clear text are refused: LOGINDISABLED. */
  readonly noPlaintext?: boolean;
  /** Further settings of TLS, by Dovecot's names. */
  readonly tls?: Readonly<Record<`ssl_${string}`, string>>;
  /** Certificates for clients that ask for these names by SNI. */
  readonly byName?: Readonly<Record<string, CertificateFiles>>;
}

export interface DaemonSettings {
  /** Holds run/, state/, users/ and dovecot.log; at most 78 octets long (unix sockets). */
  readonly directory: string;
  readonly user: string;
  readonly group: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly certificate: CertificateFiles;
  /** Keys: the last number of 127.0.0.N. */
  readonly profiles: Readonly<Record<number, Profile>>;
  /** Processes that wait for sessions; 0: each session starts its own. */
  readonly spare: number;
}

function spareBlock(spare: number): string {
  return spare === 0 ? "" : `service imap-login {
  service_count = 0
  process_min_avail = 2
}
service imap {
  process_min_avail = ${spare}
}
`;
}

function certificateLines(certificate: CertificateFiles): string {
  return `  ssl_cert = <${certificate.certificate}
  ssl_key = <${certificate.key}
`;
}

function tlsLines({ certificate, tls = {}, byName = {} }: Profile): string {
  const settings = Object.entries(tls).map(([name, value]) => `  ${name} = ${value}\n`);
  const names = Object.entries(byName).map(([name, files]) =>
    `  local_name ${name} {\n${certificateLines(files)}  }\n`
  );
  return [certificate === undefined ? "" : certificateLines(certificate), ...settings, ...names].join("");
}

function profileBlock(address: string, profile: Profile): string {
  const imap = [
    ...(profile.capabilities === undefined ? [] : [`imap_capability = ${profile.capabilities}`]),
    ...(profile.literalMinus === true ? ["imap_literal_minus = yes"] : []),
    ...(profile.connectionsPerUser === undefined
      ? []
      : [`mail_max_userip_connections = ${profile.connectionsPerUser}`]),
  ];
  return `local ${address} {
${tlsLines(profile)}${profile.noPlaintext === true ? "  disable_plaintext_auth = yes\n" : ""}  protocol imap {
    ${imap.join("\n    ")}
  }
}
`;
}

/** A server on loopback; each user, with his home and layout, is a file in `users/`: one file for all would be cached. */
export function daemonConf(settings: DaemonSettings): string {
  const { directory, user, group } = settings;
  const addresses = ["127.0.0.1", ...Object.keys(settings.profiles).map((number) => `127.0.0.${number}`)];
  return `base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
protocols = imap
listen = ${addresses.join(" ")}
default_internal_user = ${user}
default_internal_group = ${group}
default_login_user = ${user}
service anvil {
  chroot =
  # failed logins of one test must not slow down the next
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${settings.port}
  }
  inet_listener imaps {
    port = ${settings.tlsPort}
    ssl = yes
  }
}
auth_failure_delay = 0
login_log_format_elements = user=<%u> method=%m rip=%r lip=%l mpid=%e %c %k session=<%{session}>
mail_max_userip_connections = 100
disable_plaintext_auth = no
ssl = yes
ssl_cert = <${settings.certificate.certificate}
ssl_key = <${settings.certificate.key}
mail_fsync = never
rawlog_dir = %h/rawlog
mail_plugins = zlib
protocol imap {
  mail_plugins = zlib imap_zlib
}
namespace inbox {
  inbox = yes
}
passdb {
  driver = passwd-file
  args = ${directory}/users/%u
}
userdb {
  driver = passwd-file
  args = ${directory}/users/%u
  default_fields = uid=${user} gid=${group}
}
${spareBlock(settings.spare)}${
    Object.entries(settings.profiles).map(([number, profile]) => profileBlock(`127.0.0.${number}`, profile)).join("")
  }`;
}

/** The file of one user. */
export function passwdLine(name: string, password: string, home: string, layout: Layout): string {
  return `${name}:{PLAIN}${password}::::${home}::userdb_mail=${layout.format}:~/${layout.format} ` +
    `userdb_namespace/inbox/separator=${layout.separator}\n`;
}
