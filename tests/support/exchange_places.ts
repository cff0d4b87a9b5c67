/**
 * Places that serve as an exchange, for tests: each kind a row, with what it takes to have one here.
 */
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { FolderBytes } from "../../exchange/folder.ts";
import { type NatsAccess, natsAccounts } from "../../exchange/mod.ts";
import { NatsBytes } from "../../exchange/nats.ts";
import { S3Bytes } from "../../exchange/s3.ts";
import { temporaryFolder } from "./command_line.ts";
import { NatsServer, whyNoNatsServer } from "./nats_server.ts";
import { Radosgw, whyNoRadosgw } from "./radosgw.ts";
import { makeS3Exchange } from "./s3_exchange.ts";

/** A place for one test, as each party sees it. */
export interface TestPlace extends AsyncDisposable {
  /** @param party `leader`, or a source of `sources`. */
  open(party: string): NamedBytes;
}

export interface PlaceKind {
  readonly name: string;
  /** Why there can be none here. */
  readonly whyNot?: string;
  make(): Promise<TestPlace>;
}

/** Who may be a silo. */
export const sources = ["it", "fr"] as const;

export const folderKind: PlaceKind = {
  name: "folder",
  // deno-lint-ignore require-await
  async make() {
    const folder = temporaryFolder();
    return {
      open: () => new FolderBytes(folder.path),
      // deno-lint-ignore require-await
      async [Symbol.asyncDispose]() {
        folder[Symbol.dispose]();
      },
    };
  },
};

/** Buckets of one server, which must be disposed of: a new one for each test, with a user for each party. */
export class S3Kind implements PlaceKind, AsyncDisposable {
  readonly name = "s3";
  readonly whyNot = whyNoRadosgw();
  #server: Promise<Radosgw> | undefined;
  #buckets = 0;

  server(): Promise<Radosgw> {
    return this.#server ??= Radosgw.start();
  }

  async make() {
    const server = await this.server();
    const bucket = `bucket-${++this.#buckets}`;
    const url = `s3://${bucket}/runs`;
    const access = await makeS3Exchange(server, url, sources, (source) => `${bucket}-${source}`);
    const opened: S3Bytes[] = [];
    return {
      url,
      access,
      open(party: string) {
        opened.push(new S3Bytes(url, access.get(party)!));
        return opened.at(-1)!;
      },
      async [Symbol.asyncDispose]() {
        for (const place of opened) await place[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#server)?.[Symbol.asyncDispose]();
  }
}

/** A server of NATS, which must be disposed of: it has lost everything before each test. Each party has an account. */
export class NatsKind implements PlaceKind, AsyncDisposable {
  readonly name = "nats";
  readonly whyNot = whyNoNatsServer();
  #server: Promise<NatsServer> | undefined;

  server(): Promise<NatsServer> {
    return this.#server ??= NatsServer.start({ accounts: natsAccounts(natsParties) });
  }

  async make() {
    const server = await this.server();
    const url = server.url(natsParties.prefix);
    const users = { leader: natsParties.leader, ...natsParties.silos };
    const access = new Map<string, NatsAccess>(
      Object.entries(users).map(([party, user]) => [party, server.trusted(user)]),
    );
    const opened: NatsBytes[] = [];
    return {
      url,
      access,
      open(party: string) {
        opened.push(new NatsBytes(url, access.get(party)!));
        return opened.at(-1)!;
      },
      async [Symbol.asyncDispose]() {
        for (const place of opened) await place[Symbol.asyncDispose]();
        await server.kill();
        await server.wipe();
        await server.serve();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#server)?.[Symbol.asyncDispose]();
  }
}

const natsParties = {
  prefix: "runs",
  leader: { user: "leader", password: "of-leader" },
  silos: Object.fromEntries(
    sources.map((source) => [source, { user: source, password: `of-${source}` }]),
  ),
};
