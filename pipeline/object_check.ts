/**
 * Whether objects have the bytes that were published: every chunk of every file is checked against the listing of the object.
 *
 * Reading all of a large object takes as long as its disk does. So an object that was found whole is not read again while the
 * stat records of its files are what they were then (see `file_digests.ts` for when a record proves something).
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { sha256, StageError } from "../base/mod.ts";
import { CacheFile, isSettled, statRecord } from "./file_digests.ts";
import { chunkBytes, digestOfListing, type ListedFile, type Listing } from "./listing.ts";
import type { Store } from "./store.ts";

interface CheckedObject {
  /** Digest of the stat records of its files. */
  readonly stats: string;
}

/** Checks objects of a store. It remembers what it has found, and keeps that for the next process. */
export class ObjectCheck {
  readonly #store: Store;
  #known: CacheFile<CheckedObject> | undefined;
  readonly #trustsStats: boolean;
  /** What this process has read: it reads an object once. */
  readonly #seen = new Map<string, Promise<string | undefined>>();
  /** Digest of the stat records of the files of an object, as it was found whole. */
  readonly #stats = new Map<string, string>();

  /** @param trustsStats false reads every object again, whatever the records say. */
  constructor(store: Store, trustsStats: boolean) {
    this.#store = store;
    this.#trustsStats = trustsStats;
  }

  /** What is wrong with an object, as part of a sentence; undefined when it is whole. */
  damage(digest: string): Promise<string | undefined> {
    let damage = this.#seen.get(digest);
    if (damage === undefined) this.#seen.set(digest, damage = this.#check(digest));
    return damage;
  }

  /**
   * The folder of an object that is whole.
   * @param maker The instance whose output it is. @throws StageError naming file and bytes that are damaged.
   */
  async require(digest: string, maker: string): Promise<string> {
    const damage = await this.damage(digest);
    if (damage === undefined) return this.#store.objectFolder(digest);
    throw new StageError(
      `Cannot use what ${maker} made: ${damage}; mend the store with: deno task pipeline verify, then run again`,
    );
  }

  /** Whether files of an object were written since it was found whole; the next look reads it again then. */
  hasChanged(digest: string): boolean {
    const listing = this.#store.listing(digest);
    const stats = listing === undefined ? "" : statsOf(this.#store.objectFolder(digest), listing);
    const isSame = typeof stats !== "string" && stats.digest === this.#stats.get(digest);
    if (!isSame) this.forget(digest);
    return !isSame;
  }

  /** Forgets what was found: the object is about to be made again. */
  forget(digest: string): void {
    this.#seen.delete(digest);
  }

  /** Writes what was found for the next process. */
  save(): void {
    this.#known?.save();
  }

  /** What earlier processes have found; it is read when it is first needed. */
  get #cache(): CacheFile<CheckedObject> {
    return this.#known ??= new CacheFile(this.#store.cachePath("objects"));
  }

  async #check(digest: string): Promise<string | undefined> {
    const listing = this.#store.listing(digest);
    if (listing === undefined) return `expected a listing of object ${digest}, found none`;
    if (digestOfListing(listing) !== digest) {
      return `expected the listing that object ${digest} is named after, found another`;
    }
    const folder = this.#store.objectFolder(digest);
    const stats = statsOf(folder, listing);
    if (typeof stats === "string") return stats;
    const stray = strayPath(folder, listing);
    if (stray !== undefined) return `expected only what is listed, found "${stray}" in ${folder}`;
    this.#stats.set(digest, stats.digest);
    if (this.#trustsStats && this.#cache.get(digest)?.stats === stats.digest) return undefined;
    for (const file of listing) {
      const damage = await damageOfFile(folder, file);
      if (damage !== undefined) return damage;
    }
    const after = statsOf(folder, listing);
    if (stats.areSettled && typeof after !== "string" && after.digest === stats.digest) {
      this.#cache.set(digest, { stats: stats.digest });
    }
    return undefined;
  }
}

/** The stat records of an object's files as one digest, or what is wrong with their sizes. */
function statsOf(
  folder: string,
  listing: Listing,
): { readonly digest: string; readonly areSettled: boolean } | string {
  const now = Date.now();
  const records: string[] = [];
  let areSettled = true;
  for (const { path, bytes } of listing) {
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(join(folder, path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return `expected file "${join(folder, path)}", found none`;
    }
    if (!info.isFile || info.size !== bytes) {
      return `expected ${bytes} bytes in "${join(folder, path)}", found ${info.size}`;
    }
    records.push(`${path} ${statRecord(info)}`);
    areSettled &&= isSettled(info, now);
  }
  return { digest: sha256(records.join("\n")), areSettled };
}

/** A file or link in a folder that its listing does not name. */
function strayPath(folder: string, listing: Listing): string | undefined {
  const listed = new Set(listing.map(({ path }) => path));
  const visit = (prefix: string): string | undefined => {
    for (const { name, isDirectory } of Deno.readDirSync(join(folder, prefix))) {
      const path = `${prefix}${name}`;
      const stray = isDirectory ? visit(`${path}/`) : listed.has(path) ? undefined : path;
      if (stray !== undefined) return stray;
    }
    return undefined;
  };
  return visit("");
}

async function damageOfFile(
  folder: string,
  { path, chunks }: ListedFile,
): Promise<string | undefined> {
  if (chunks.length === 0) return undefined; // an empty file: its size is known
  using file = await Deno.open(join(folder, path));
  // One buffer is read into while the other is hashed.
  const buffers = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
  let filled = fill(file, buffers[0]);
  for (let i = 0; i < chunks.length; i++) {
    const bytes = buffers[i % 2].subarray(0, await filled);
    if (i + 1 < chunks.length) filled = fill(file, buffers[(i + 1) % 2]);
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== chunks[i]) {
      await filled;
      const from = i * chunkBytes;
      return `expected digest ${chunks[i].slice(0, 12)}… of bytes ${from} to ${
        from + bytes.length
      } of ` + `"${join(folder, path)}", found ${found.slice(0, 12)}…`;
    }
  }
  return undefined;
}

async function fill(file: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const n = await file.read(buffer.subarray(filled));
    if (n === null) break;
    filled += n;
  }
  return filled;
}
