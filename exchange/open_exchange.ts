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
import { Silo, type SiloOptions } from "./silo.ts";

export interface PlaceOptions {
  /** Hears when the place cannot be reached. It is tried again until it can. */
  readonly onTrouble?: (message: string) => void;
}

/** Opens an exchange for a leader. @param url `folder:/path`. @throws UsageError for another */
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

// deno-lint-ignore require-await -- places of other kinds are loaded when they are asked for
async function openPlace(url: string, { onTrouble = () => {} }: PlaceOptions): Promise<NamedBytes> {
  const [, kind, path] = /^(folder):(.+)$/s.exec(url) ?? [];
  if (kind === undefined || !isAbsolute(path)) {
    throw new UsageError(
      `Cannot open exchange "${url}": expected folder: and the path of a folder from the root`,
    );
  }
  return new PersistentBytes(new FolderBytes(path), onTrouble);
}
