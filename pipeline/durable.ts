/**
 * Names that have reached the disk: a rename survives a power cut only after its folder is synced.
 */
import { dirname } from "node:path";
import { writeFileAtomic } from "../base/mod.ts";

/** Writes a file that is complete or absent, and waits until its name has reached the disk too. */
export function publishFile(path: string, data: Uint8Array | string): void {
  writeFileAtomic(path, data);
  syncFolder(dirname(path));
}

/** Gives a file or folder its final name and waits until the name has reached the disk. */
export function publishByRename(from: string, to: string): void {
  Deno.renameSync(from, to);
  syncFolder(dirname(to));
}

/** Waits until the entries of a folder have reached the disk. */
function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return; // folders cannot be opened there
  using folder = Deno.openSync(path);
  folder.syncSync();
}
