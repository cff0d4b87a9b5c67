/**
 * Programs on disk, each in a folder named after what is in it, which stays from process to process and from run to run: the
 * runtime keeps what it has compiled by the place of a file, and compiles it again at any other place.
 *
 * Nothing there is trusted: a folder is compared with its program before a process starts, and again before its result is kept.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { canonicalJson, readIfThere, removeQuietly, sha256 } from "../base/mod.ts";

/** Files of one folder. */
export interface Program {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of the names and contents of all files. */
  readonly digest: string;
  /** The file of each module that the stage uses or may import, by role. */
  readonly modules: Readonly<Record<string, string>>;
}

/** Folders that stay, those that were used last. */
const mostFolders = 128;

/** The runtime itself may write it. */
const lockFile = "deno.lock";

/** Those of this process: what runs may still load from them. */
const used = new Set<string>();

/**
 * The folder of a program, with its files as they should be.
 *
 * @param cache The folder of all programs; it is made where it is missing
 * @param fallback A folder for files that cannot be kept in the cache
 */
export function programFolder(program: Program, cache: string, fallback: string): string {
  const folder = join(cache, program.digest);
  const isNew = !used.has(folder);
  try {
    used.add(folder);
    place(program, folder);
    if (isNew) {
      Deno.utimeSync(folder, new Date(), new Date());
      dropOldest(cache);
    }
    return folder;
  } catch {
    // A cache costs time, never a run; and no room that the run may need.
    if (isNew) {
      used.delete(folder);
      removeQuietly(folder);
    }
    place(program, fallback);
    return fallback;
  }
}

/** What tells the files of a program from all others. */
export function digestOfFiles(files: Program["files"]): string {
  const digests = [...files].map(([name, bytes]) => [name, sha256(bytes)]);
  return sha256(canonicalJson(Object.fromEntries(digests)));
}

/** The first file that is not what the program has; undefined where all are. */
export function changedFile(program: Program, folder: string): string | undefined {
  const [changed] =
    [...program.files].find(([name, bytes]) =>
      name !== lockFile && !isWhole(join(folder, name), bytes)
    ) ?? [];
  return changed;
}

function place({ files }: Program, folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    if (isWhole(path, bytes)) continue;
    const temporary = `${path}.${crypto.randomUUID()}.tmp`;
    Deno.writeFileSync(temporary, bytes);
    Deno.renameSync(temporary, path);
  }
}

function isWhole(path: string, bytes: Uint8Array): boolean {
  const found = readIfThere(path);
  return found !== undefined && Buffer.compare(found, bytes) === 0;
}

function dropOldest(cache: string): void {
  const folders = [...Deno.readDirSync(cache)].map(({ name }) => join(cache, name))
    .filter((path) => !used.has(path))
    .map((path) => ({ path, at: Deno.lstatSync(path).mtime?.getTime() ?? 0 }))
    .sort((a, b) => b.at - a.at);
  const kept = Math.max(0, mostFolders - used.size);
  for (const { path } of folders.slice(kept)) removeQuietly(path);
}
