/**
 * Exchanges by their URL, as stages open them. A folder is opened by code that is part of the stage; for any other place the process is
 * told a module. So a stage whose key covers its code needs no other key when the code of another place changes.
 */
import {
  type LeaderExchange,
  leaderInFolder,
  type LeaderOptions,
  type PlaceOptions,
  type SiloExchange,
  siloInFolder,
  type SiloOptions,
} from "../exchange/mod.ts";

export interface ExchangePlace {
  /** `folder:` and a path from the root, or what `exchangeNeeds` knows besides. */
  readonly url: string;
  /** URL of the module that opens it, where it is no folder. */
  readonly module?: string;
}

type Trouble = Pick<PlaceOptions, "onTrouble">;

/** Opens an exchange for a leader. Who it is there, the environment says. */
export async function openLeaderAt(
  place: ExchangePlace,
  options: LeaderOptions & Trouble,
): Promise<LeaderExchange> {
  const folder = folderOf(place);
  if (folder !== undefined) return leaderInFolder(folder, options);
  return await (await openingModule(place)).openLeader(place.url, options);
}

/** Opens an exchange for a silo. Who it is there, the environment says. */
export async function openSiloAt(
  place: ExchangePlace,
  options: SiloOptions & Trouble,
): Promise<SiloExchange> {
  const folder = folderOf(place);
  if (folder !== undefined) return siloInFolder(folder, options);
  return await (await openingModule(place)).openSilo(place.url, options);
}

function folderOf({ url }: ExchangePlace): string | undefined {
  return /^folder:(.+)$/s.exec(url)?.[1];
}

async function openingModule(
  { url, module }: ExchangePlace,
): Promise<Pick<typeof import("../exchange/mod.ts"), "openLeader" | "openSilo">> {
  if (module !== undefined) return await import(module);
  throw new TypeError(`Cannot open exchange "${url}": expected a module that opens it`);
}
