/**
 * Exchanges by their URL.
 */
import { isAbsolute } from "node:path";
import { UsageError } from "../base/mod.ts";
import type { LeaderExchange, SiloExchange } from "./exchange.ts";
import { FolderBytes } from "./folder.ts";
import { Leader, type LeaderOptions } from "./leader.ts";
import type { NamedBytes } from "./named_bytes.ts";
import { type NatsAccess, natsAccessOf } from "./nats_access.ts";
import { PersistentBytes } from "./persistent.ts";
import { type S3Access, s3AccessOf } from "./s3_access.ts";
import { Silo, type SiloOptions } from "./silo.ts";

export interface PlaceOptions {
  /** Hears when the place cannot be reached. It is tried again until it can. */
  readonly onTrouble?: (message: string) => void;
  /** For `s3://`. Default: what the environment says. */
  readonly s3?: S3Access;
  /** For `tls://` and `nats://`. Default: what the environment says. */
  readonly nats?: NatsAccess;
}

/** Opens an exchange for a leader. @param url `folder:/path`, `s3://bucket/prefix`, or `tls://host:port/prefix` of a server of NATS. @throws UsageError for another */
export async function openLeader(
  url: string,
  options: LeaderOptions & PlaceOptions,
): Promise<LeaderExchange> {
  return new Leader(await openPlace(url, options), options);
}

/** Opens an exchange for a silo. */
export async function openSilo(
  url: string,
  options: SiloOptions & PlaceOptions,
): Promise<SiloExchange> {
  return new Silo(await openPlace(url, options), options);
}

/** Opens a place for bytes by name, as exchanges have it: operations wait while it cannot be reached. */
export async function openPlace(url: string, options: PlaceOptions): Promise<NamedBytes> {
  return new PersistentBytes(await placeOf(url, options), options.onTrouble ?? (() => {}));
}

async function placeOf(url: string, { s3, nats }: PlaceOptions): Promise<NamedBytes> {
  const [, kind, path] = /^(folder|s3|nats|tls):(.+)$/s.exec(url) ?? [];
  if (kind === "folder" && isAbsolute(path)) return new FolderBytes(path);
  if (kind === "s3") {
    const { S3Bytes } = await import("./s3.ts"); // who shares a folder does not load it
    return new S3Bytes(url, s3 ?? s3AccessOf(Deno.env));
  }
  if (kind === "nats" || kind === "tls") {
    const { NatsBytes } = await import("./nats.ts");
    return new NatsBytes(url, nats ?? natsAccessOf(Deno.env));
  }
  throw new UsageError(
    `Cannot open exchange "${url}": expected folder: and a path from the root, s3://bucket/prefix, or tls://host:port/prefix of NATS`,
  );
}
