// The capability list of a server (RFC 9051 7.2.2), compared without regard to case.

/** An immutable set of capability names. */
export class Capabilities {
  readonly names: ReadonlySet<string>;

  /** Of names in any case. */
  constructor(names: Iterable<string>) {
    this.names = new Set([...names].map((name) => name.toUpperCase()));
  }

  has(name: string): boolean {
    return this.names.has(name.toUpperCase());
  }

  /** The size in octets of APPENDLIMIT=, which holds for all mailboxes (RFC 7889 3); null: there is none. */
  get appendLimit(): number | null {
    const [value = ""] = this.values("APPENDLIMIT");
    return /^\d{1,15}$/.test(value) ? Number(value) : null;
  }

  /** What follows `PREFIX=` in every capability that starts so, in the server's order: `values("AUTH")`. */
  values(prefix: string): readonly string[] {
    const start = `${prefix.toUpperCase()}=`;
    return [...this.names].filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  }
}
