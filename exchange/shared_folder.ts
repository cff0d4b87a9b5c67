/**
 * Exchanges in a folder that all parties share, for who needs no other place: nothing of those is loaded.
 */
import { FolderBytes } from "./folder.ts";
import { Leader, type LeaderOptions } from "./leader.ts";
import { PersistentBytes } from "./persistent.ts";
import type { PlaceOptions } from "./open_exchange.ts";
import { Silo, type SiloOptions } from "./silo.ts";
import type { LeaderExchange, SiloExchange } from "./exchange.ts";

type Trouble = Pick<PlaceOptions, "onTrouble">;

/** The exchange of a leader. @param folder absolute; it is made where it is missing */
export function leaderInFolder(folder: string, options: LeaderOptions & Trouble): LeaderExchange {
  return new Leader(placeIn(folder, options), options);
}

/** The exchange of a silo. @param folder as that of the leader */
export function siloInFolder(folder: string, options: SiloOptions & Trouble): SiloExchange {
  return new Silo(placeIn(folder, options), options);
}

function placeIn(folder: string, { onTrouble = () => {} }: Trouble): PersistentBytes {
  return new PersistentBytes(new FolderBytes(folder), onTrouble);
}
