// Host names, IP literals and ports as the configuration writes them -> what connects. Pure: nothing is resolved; the
// text of /etc/services is passed in.

/** A host, and whether it may be looked up. */
export type Host = { readonly kind: "host"; readonly host: string } | {
  readonly kind: "bad-literal";
  readonly text: string;
};

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6_CHARACTERS = /^[0-9A-Fa-f:.]+$/;
const ZONE = /%[A-Za-z0-9_.-]+$/;

/** Takes the square brackets off a host; what stood in them has to be an IP literal. */
export function parseHost(text: string): Host {
  const inner = /^\[(.*)\]$/.exec(text)?.[1];
  if (inner === undefined) return { kind: "host", host: text };
  return isIpLiteral(inner) ? { kind: "host", host: inner } : { kind: "bad-literal", text: inner };
}

/** True for an IPv4 address of four decimal numbers, or an IPv6 address, with or without a zone. */
export function isIpLiteral(text: string): boolean {
  if (IPV4.test(text)) return true;
  const address = text.replace(ZONE, "");
  return address.includes(":") && IPV6_CHARACTERS.test(address) && URL.canParse(`http://[${address}]/`);
}

/** A decimal port from 1 to 65535; null: out of range; "name": not a number at all. */
export function parsePort(text: string): number | null | "name" {
  if (!/^[0-9]+$/.test(text)) return "name";
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : null;
}

/** The TCP port that a file like /etc/services (services(5)) gives to a name or an alias, or null. */
export function findService(services: string, name: string): number | null {
  for (const line of services.split("\n")) {
    const [official, port, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (official !== name && !aliases.includes(name)) continue;
    const number = /^([0-9]+)\/tcp$/.exec(port ?? "")?.[1];
    if (number !== undefined) return Number(number);
  }
  return null;
}
