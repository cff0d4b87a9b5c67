/**
 * The rights of each party at a server of NATS, as the part `accounts` of its configuration. The server enforces them.
 *
 * Permissions of users in one account would not do: the server sends its answer to any subject that a request names, another's too, and so
 * writes there for who may not. Therefore each silo has an account of its own, where answers stay, and is given a few subjects of the
 * account that has the streams.
 */
import { NatsSubjects } from "./nats_subjects.ts";

export interface NatsUser {
  readonly user: string;
  /** Or what bcrypt makes of it. */
  readonly password: string;
}

export interface NatsParties {
  /** Of the exchange's URL. */
  readonly prefix: string;
  readonly leader: NatsUser;
  /** Who holds each source. */
  readonly silos: Readonly<Record<string, NatsUser>>;
}

/** What a user may send and hear. */
interface Permissions {
  readonly publish: { readonly allow: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
}

/** An account of the server's configuration. */
export interface NatsAccount {
  readonly jetstream?: "enabled";
  readonly users: readonly (NatsUser & { readonly permissions: Permissions })[];
  readonly exports?: readonly { readonly service: string; readonly accounts: readonly string[] }[];
  readonly imports?: readonly {
    readonly service: { readonly account: string; readonly subject: string };
    readonly to: string;
  }[];
}

/**
 * Accounts by name: the leader may do everything in the streams of the prefix; a silo reads what is for all, and what is for or of its
 * sources, and writes under its sources. It can neither see other silos' answers nor remove anything.
 */
export function natsAccounts(
  { prefix, leader, silos }: NatsParties,
): Readonly<Record<string, NatsAccount>> {
  const subjects = new NatsSubjects(prefix);
  const sources = Object.keys(silos);
  const streamOf = (folder: string) => subjects.stream(folder)!;
  const streams = [
    "shared",
    ...sources.flatMap((source) => [`down/${source}`, `up/${source}`]),
  ].map(streamOf);
  const exchange = `${prefix}-exchange`;
  const services = new Map<string, Set<string>>();
  const accounts: Record<string, NatsAccount> = {};
  for (const { user, password } of uniqueUsers(silos)) {
    const own = sources.filter((source) => silos[source].user === user);
    const readable = ["shared", ...own.flatMap((source) => [`down/${source}`, `up/${source}`])]
      .map(streamOf);
    const written = own.map((source) => subjects.within(`up/${source}`));
    const asked = readable.flatMap((stream) => [`STREAM.INFO.${stream}`, `DIRECT.GET.${stream}.>`]);
    const imports = [
      ...asked.map((verb) => ({ subject: `$JS.API.${verb}`, to: `${prefix}.api.${verb}` })),
      ...written.map((subject) => ({ subject, to: subject })),
    ];
    const account = `${prefix}-${user}`;
    for (const { subject } of imports) {
      services.set(subject, (services.get(subject) ?? new Set()).add(account));
    }
    accounts[account] = {
      users: [{
        ...{ user, password },
        permissions: permissions("$JS.API.INFO", ...imports.map(({ to }) => to)),
      }],
      imports: imports.map(({ subject, to }) => ({ service: { account: exchange, subject }, to })),
    };
  }
  const verbs = streams.flatMap((stream) => [
    ...["INFO", "CREATE", "PURGE"].map((verb) => `STREAM.${verb}.${stream}`),
    `DIRECT.GET.${stream}.>`,
  ]);
  const leaders = ["INFO", "STREAM.NAMES", ...verbs].map((verb) => `$JS.API.${verb}`);
  return {
    [exchange]: {
      jetstream: "enabled",
      users: [{ ...leader, permissions: permissions(...leaders, subjects.within("")) }],
      exports: [...services].map(([service, accounts]) => ({ service, accounts: [...accounts] })),
    },
    ...accounts,
  };
}

function permissions(...publish: readonly string[]): Permissions {
  return { publish: { allow: publish }, subscribe: { allow: ["_INBOX.>"] } };
}

function uniqueUsers(silos: NatsParties["silos"]): readonly NatsUser[] {
  return [...new Map(Object.values(silos).map((user) => [user.user, user])).values()];
}
