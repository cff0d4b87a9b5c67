/**
 * Exchanges by their URL.
 */
import { isAbsolute } from "node:path";
import { UsageError } from "../base/mod.ts";
import type { LeaderExchange, SiloExchange } from "./exchange.ts";
import { FolderBytes } from "./folder.ts";
import { Leader, type LeaderOptions } from "./leader.ts";
import type { NamedBytes } from "./named_bytes.ts";
import { PersistentBytes } from "./persistent.ts";
import { type S3Access, s3AccessOf } from "./s3_access.ts";
import { Silo, type SiloOptions } from "./silo.ts";

export interface PlaceOptions {
  /** Hears when the place cannot be reached. It is tried again until it can. */
  readonly onTrouble?: (message: string) => void;
  /** For `s3://`. Default: what the environment says. */
  readonly s3?: S3Access;
}

/** Opens an exchange for a leader. @param url `folder:/path` or `s3://bucket/prefix`. @throws UsageError for another */
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

async function placeOf(url: string, { s3 }: PlaceOptions): Promise<NamedBytes> {
  const [, kind, path] = /^(folder|s3):(.+)$/s.exec(url) ?? [];
  if (kind === "folder" && isAbsolute(path)) return new FolderBytes(path);
  if (kind === "s3") {
    const { S3Bytes } = await import("./s3.ts"); // who shares a folder does not load it
    return new S3Bytes(url, s3 ?? s3AccessOf(Deno.env));
  }
  throw new UsageError(
    `Cannot open exchange "${url}": expected folder: and a path from the root, or s3://bucket/prefix`,
  );
}
