/**
 * The artifact store: content-addressed objects, and one manifest per action key that says which objects it made.
 *
 *     format            `1`
 *     objects/ab/<digest>/…       an output folder; objects/ab/<digest>.json is its listing
 *     manifests/<key>.json        written last: where it stands, the result is whole
 *     checkpoints/<key>/          of work that is not finished
 *     tmp/<unique>/               of a running child; swept when the next run starts
 *     logs/<key>.log   cache/     may be deleted at any time
 *     lock   children             advisory locks, see `store_lock.ts`
 */
import { join } from "node:path";
import { type Json, UsageError, writeFileAtomic } from "./base/mod.ts";
import type { ActionRecord } from "./key.ts";
import { digestOfListing, type Listing } from "./listing.ts";
import type { StageSummary } from "./stage.ts";

const storeFormat = "1";

/** What was made, from what, and when: the record of one finished action. */
export interface Manifest {
  readonly format: 1;
  readonly key: string;
  readonly instance: string;
  readonly record: ActionRecord;
  /** Object digest by output name. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: StageSummary;
  readonly provenance: Provenance;
}

/** Circumstances that do not enter the key. */
export interface Provenance {
  readonly recipe: string;
  readonly deno: string;
  readonly platform: string;
  readonly cpu: string;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  readonly durationMs: number;
}

export class Store {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Opens a store, making the folder when `create` says so; without it an absent folder reads as an empty store.
   * @throws UsageError for a folder of something else, or of another format.
   */
  static open(folder: string, options: { readonly create: boolean }): Store {
    const format = readOptional(join(folder, "format"))?.trim();
    if (format !== undefined && format !== storeFormat) {
      throw new UsageError(
        `Cannot use store "${folder}": expected format ${storeFormat}, found ${format}; ` +
          `choose another with --store DIR, or use the version that made it`,
      );
    }
    if (format === undefined && !isAbsentOrEmpty(folder)) {
      throw new UsageError(
        `Cannot use "${folder}" as a store: expected an empty folder or one with a file "format", ` +
          `found other files; choose another with --store DIR`,
      );
    }
    const store = new Store(folder);
    if (options.create) store.#create(format === undefined);
    return store;
  }

  #create(isNew: boolean): void {
    for (const name of ["objects", "manifests", "checkpoints", "tmp", "logs", "cache"]) {
      Deno.mkdirSync(join(this.folder, name), { recursive: true });
    }
    if (isNew) writeFileAtomic(join(this.folder, "format"), `${storeFormat}\n`);
  }

  /** Where a cache outlives the process; undefined when there is no store to keep it in. */
  cachePath(name: string): string | undefined {
    const folder = join(this.folder, "cache");
    return isAbsentOrEmpty(this.folder) ? undefined : join(folder, name);
  }

  logPath(key: string): string {
    return join(this.folder, "logs", `${key}.log`);
  }

  checkpointFolder(key: string): string {
    return join(this.folder, "checkpoints", key);
  }

  objectFolder(digest: string): string {
    return join(this.folder, "objects", digest.slice(0, 2), digest);
  }

  #listingPath(digest: string): string {
    return `${this.objectFolder(digest)}.json`;
  }

  /** The manifest of a finished action whose objects are all there, else undefined. */
  find(key: string): Manifest | undefined {
    const manifest = this.#readManifest(`${key}.json`);
    if (manifest === undefined || manifest.key !== key) return undefined;
    const whole = Object.values(manifest.outputs).every((digest) =>
      exists(this.objectFolder(digest)) && exists(this.#listingPath(digest))
    );
    return whole ? manifest : undefined;
  }

  /** Every manifest, in no stated order. */
  *manifests(): Generator<Manifest> {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(join(this.folder, "manifests"))];
    } catch {
      return;
    }
    for (const { name } of entries) {
      const manifest = name.endsWith(".json") ? this.#readManifest(name) : undefined;
      if (manifest !== undefined) yield manifest;
    }
  }

  #readManifest(name: string): Manifest | undefined {
    try {
      return JSON.parse(Deno.readTextFileSync(join(this.folder, "manifests", name))) as Manifest;
    } catch {
      return undefined; // absent or damaged: the action runs again
    }
  }

  /** A new folder for a running child, with an empty folder for each output. */
  makeTemporary(outputs: readonly string[]): string {
    const folder = join(this.folder, "tmp", crypto.randomUUID());
    for (const output of outputs) Deno.mkdirSync(join(folder, output), { recursive: true });
    return folder;
  }

  /** Removes what dead runs have left. Only under the lock. */
  sweepTemporary(): void {
    for (const { name } of Deno.readDirSync(join(this.folder, "tmp"))) {
      Deno.removeSync(join(this.folder, "tmp", name), { recursive: true });
    }
  }

  /**
   * Gives a finished, synced folder its final name and returns its digest. An object that is already there is kept: it has
   * the same bytes.
   */
  publishObject(folder: string, listing: Listing): string {
    const digest = digestOfListing(listing);
    const target = this.objectFolder(digest);
    Deno.mkdirSync(join(this.folder, "objects", digest.slice(0, 2)), { recursive: true });
    if (exists(target) && !this.#hasListedSizes(target, listing)) removeTree(target);
    for (const { path } of listing) Deno.chmodSync(join(folder, path), 0o444);
    writeFileAtomic(this.#listingPath(digest), JSON.stringify(listing));
    if (!exists(target)) Deno.renameSync(folder, target);
    return digest;
  }

  /** Makes an action's result known. The last step: from here on it is fresh. */
  writeManifest(manifest: Manifest): void {
    const path = join(this.folder, "manifests", `${manifest.key}.json`);
    writeFileAtomic(path, `${JSON.stringify(manifest, null, 1)}\n`);
  }

  /**
   * Checks, without reading content, that an object is what it was when published.
   *
   * @throws Error when it is not; the object is removed, so that the next run makes it again.
   */
  checkObject(digest: string, maker: string): void {
    const listing = readOptional(this.#listingPath(digest));
    if (listing !== undefined) {
      try {
        if (this.#hasListedSizes(this.objectFolder(digest), JSON.parse(listing))) return;
      } catch { /* a damaged listing */ }
    }
    this.#dropObject(digest);
    throw new Error(
      `Cannot use what ${maker} made: expected files of the sizes in "${
        this.#listingPath(digest)
      }", ` + `found others; it was removed, run again to make it anew`,
    );
  }

  #hasListedSizes(folder: string, listing: Listing): boolean {
    try {
      return listing.every(({ path, bytes }) => Deno.statSync(join(folder, path)).size === bytes);
    } catch {
      return false;
    }
  }

  #dropObject(digest: string): void {
    removeTree(this.#listingPath(digest));
    removeTree(this.objectFolder(digest));
  }
}

/** Removes a file or a folder with all that is in it; absent is fine. */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Plain data of this machine for a manifest. */
export function provenance(recipe: string, durationMs: number): Provenance {
  return {
    recipe,
    deno: Deno.version.deno,
    platform: Deno.build.os,
    cpu: Deno.build.arch,
    madeAt: new Date().toISOString(),
    durationMs: Math.round(durationMs),
  };
}

/** A summary as a line: `pieces=512 bytes=20480`. */
export function summaryLine(summary: StageSummary): string {
  return Object.entries(summary).map(([name, value]) => `${name}=${shortValue(value)}`).join("  ");
}

function shortValue(value: Json | undefined): string {
  if (typeof value === "number" && !Number.isInteger(value)) return String(+value.toPrecision(4));
  return typeof value === "string" ? value : JSON.stringify(value);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function readOptional(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isAbsentOrEmpty(folder: string): boolean {
  try {
    for (const _ of Deno.readDirSync(folder)) return false;
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (error instanceof Deno.errors.NotADirectory) {
      throw new UsageError(`Cannot use "${folder}" as a store: expected a folder, found a file`);
    }
    throw error;
  }
}
