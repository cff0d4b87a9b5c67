/**
 * What a process needs to reach an exchange, as its URL tells before one is opened: the variables it reads, the files and folders it
 * touches. Who one is there is said by the environment, never by the URL.
 */
import { isAbsolute } from "node:path";
import { UsageError } from "../base/mod.ts";
import { natsAccessOf, natsUrl, natsVariables } from "./nats_access.ts";
import { s3AccessOf, s3Variables } from "./s3_access.ts";

export interface ExchangeNeeds {
  /** Absolute URL of the module that opens it; absent for a folder, which needs no other code than that of `leaderInFolder`. */
  readonly module?: string;
  /** Read and written. */
  readonly folders: readonly string[];
  /** Read. */
  readonly files: readonly string[];
  /** Names of variables of the environment. */
  readonly environment: readonly string[];
}

type Environment = Pick<Deno.Env, "get">;

/** A row for each kind of exchange: what follows its name and a colon is given to it. */
const kinds: Readonly<Record<string, (rest: string, environment: Environment) => ExchangeNeeds>> = {
  folder(path) {
    if (!isAbsolute(path)) {
      throw new UsageError(
        `Cannot use exchange "folder:${path}": expected a path from the root after folder:`,
      );
    }
    return { folders: [path], files: [], environment: [] };
  },
  s3(rest, environment) {
    if (!/^\/\/[a-z0-9][a-z0-9.-]+(\/.*)?$/s.test(rest)) {
      throw new UsageError(
        `Cannot use exchange "s3:${rest}": expected s3://, a bucket, / and a prefix`,
      );
    }
    s3AccessOf(environment); // says what is missing
    const certificates = environment.get("AWS_CA_BUNDLE");
    return {
      module: openingModule,
      folders: [],
      files: certificates ? [certificates] : [],
      environment: s3Variables,
    };
  },
  nats: (rest, environment) => natsNeeds(`nats:${rest}`, environment),
  tls: (rest, environment) => natsNeeds(`tls:${rest}`, environment),
};

function natsNeeds(url: string, environment: Environment): ExchangeNeeds {
  natsUrl(url);
  natsAccessOf(environment); // says what is missing
  const files = ["NATS_CREDS", "NATS_CA"].flatMap((name) => environment.get(name) || []);
  return { module: openingModule, folders: [], files, environment: natsVariables };
}

const openingModule = import.meta.resolve("./open_exchange.ts");

/** What a process needs for the exchange of a URL. @throws UsageError for no URL of one, and where the environment lacks something */
export function exchangeNeeds(url: string, environment: Environment): ExchangeNeeds {
  if (/^\w+:\/\/[^/]*@/.test(url)) {
    throw new UsageError(
      "Cannot use an exchange whose URL has credentials, as others see it: expected them in the environment",
    );
  }
  const [, kind, rest] = /^(\w+):(.+)$/s.exec(url) ?? [];
  if (kind !== undefined && Object.hasOwn(kinds, kind)) return kinds[kind](rest, environment);
  throw new UsageError(
    `Cannot use exchange "${url}": expected folder: and a folder that all processes reach, s3://bucket/prefix, or tls://host:port/prefix of NATS`,
  );
}
