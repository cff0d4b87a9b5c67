/**
 * Who one is at a server of NATS.
 */
import { UsageError } from "../base/mod.ts";

export interface NatsAccess {
  /** A user, with its password. */
  readonly user?: string;
  readonly password?: string;
  /** The text of a file of credentials (`.creds`), instead of user and password. */
  readonly credentials?: string;
  /** Certificates in PEM that are trusted. With them the server must speak TLS. */
  readonly certificates?: string;
}

/** All that `natsAccessOf` reads. */
export const natsVariables: readonly string[] = [
  "NATS_USER",
  "NATS_PASSWORD",
  "NATS_CREDS",
  "NATS_CA",
];

/** The prefix that a URL names. @param url `tls://host:4222/prefix`, or `nats://` where the server speaks no TLS. @throws UsageError */
export function natsUrl(url: string): { readonly prefix: string } {
  const [, prefix] = /^(?:nats|tls):\/\/[^/@\s]+\/([a-z0-9][a-z0-9_-]*)\/?$/.exec(url) ?? [];
  if (prefix !== undefined) return { prefix };
  throw new UsageError(
    `Cannot use exchange "${url}": expected tls:// or nats://, host:port, / and a prefix of lower-case letters, digits, - and _`,
  );
}

/**
 * What the variables say that the program `nats` reads too: `NATS_USER` and `NATS_PASSWORD`, or `NATS_CREDS`, a file of credentials; and
 * `NATS_CA`, a file of certificates.
 *
 * @throws UsageError for a user without a password, or with credentials too
 */
export function natsAccessOf(environment: Pick<Deno.Env, "get">): NatsAccess {
  const of = (name: string) => environment.get(name) || undefined;
  const [user, password] = [of("NATS_USER"), of("NATS_PASSWORD")];
  const [credentials, certificates] = [of("NATS_CREDS"), of("NATS_CA")];
  if ((user === undefined) !== (password === undefined) || user && credentials) {
    throw new UsageError(
      "Cannot reach NATS: expected variables NATS_USER and NATS_PASSWORD, or NATS_CREDS alone, found " +
        ["NATS_USER", "NATS_PASSWORD", "NATS_CREDS"].filter((name) => of(name)).join(" and "),
    );
  }
  const text = (file: string | undefined) =>
    file === undefined ? file : Deno.readTextFileSync(file);
  return { user, password, credentials: text(credentials), certificates: text(certificates) };
}
