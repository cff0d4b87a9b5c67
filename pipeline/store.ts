/**
 * The artifact store: content-addressed objects, and one manifest per action key that says which objects it made.
 *
 *     format            `1`
 *     objects/ab/<digest>/…       an output folder; objects/ab/<digest>.json is its listing
 *     manifests/<key>.json        written last: if it exists, the result is complete
 *     checkpoints/<key>/          of work that is not finished; `<key>.kept/` of work that is, where asked for
 *     runs/<name>.jsonl           which actions each recipe has asked for, see `run_records.ts`
 *     history/<number>.jsonl      the runs one after another, see `run_history.ts`
 *     tmp/<unique>                of a running child; swept when the next run starts, except what belongs to a lease
 *     leases/<key>.json           who is at work on an action on another machine, see `executors/leases.ts`
 *     logs/<key>.log   cache/     may be deleted while nothing runs; cache/programs/<digest>/ is what children run
 *     lock   children             advisory locks, see `store_lock.ts`
 */
import { join } from "node:path";
import {
  type Json,
  messageOf,
  readTextIfThere,
  removeTree,
  systemError,
  UsageError,
  writeFileSynced,
} from "../base/mod.ts";
import { publishByRename, publishFile } from "./durable.ts";
import { dropLease, hasEnded, leasedFolders, leasedKeys, readLease } from "./executors/leases.ts";
import { armFaults, faultsOfEnvironment } from "./faults.ts";
import { checkpointNotes } from "./checkpoint_notes.ts";
import { type Manifest, type ReadManifest, readManifest } from "./manifest.ts";
import { digestOfListing, type Listing, readListing } from "./listing.ts";
import type { StageSummary } from "./stage.ts";
import { storageError } from "./storage_errors.ts";

/** What the file `format` of a store says. */
export const storeFormat = "1";

export class Store {
  readonly folder: string;
  /** Whether there is a store; without one everything reads as empty. */
  readonly isThere: boolean;

  private constructor(folder: string, isThere: boolean) {
    this.folder = folder;
    this.isThere = isThere;
  }

  /**
   * Opens a store, making the folder when `create` says so; without it an absent folder reads as an empty store.
   * @throws UsageError for a folder of something else or of another format, and for what is no folder.
   */
  static open(folder: string, options: { readonly create: boolean }): Store {
    armFaults("runner", faultsOfEnvironment());
    const format = formatOf(folder);
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
    const store = new Store(folder, options.create || format !== undefined);
    if (!options.create) return store;
    try {
      store.#create(format === undefined);
    } catch (error) {
      const refused = systemError(error);
      if (refused?.name !== "EEXIST") throw storageError(error, "make folders", folder);
      throw new UsageError(
        `Cannot use store "${folder}": expected a folder at "${refused.path}", found something else; remove that`,
        { cause: error },
      );
    }
    return store;
  }

  #create(isNew: boolean): void {
    Deno.mkdirSync(this.folder, { recursive: true });
    // First the file that makes it a store: after a kill in between, the next run would find an unknown folder.
    if (isNew) publishFile(join(this.folder, "format"), `${storeFormat}\n`);
    for (const name of ["objects", "manifests", "checkpoints", "tmp", "logs", "cache", "runs"]) {
      Deno.mkdirSync(join(this.folder, name), { recursive: true });
    }
  }

  /** Writes a file through `tmp`, where the next run sweeps what a kill has left. */
  #publishFile(path: string, text: string): void {
    const temporary = join(this.folder, "tmp", crypto.randomUUID());
    writeFileSynced(temporary, text);
    publishByRename(temporary, path);
  }

  /** The file of a cache that outlives the process; undefined if there is no store to keep it in. */
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

  listingPath(digest: string): string {
    return `${this.objectFolder(digest)}.json`;
  }

  manifestPath(key: string): string {
    return join(this.folder, "manifests", `${key}.json`);
  }

  /** Whether an object and its listing are there. */
  hasObject(digest: string): boolean {
    return exists(this.objectFolder(digest)) && exists(this.listingPath(digest));
  }

  /** The manifest of a finished action whose objects are all there, else undefined. */
  find(key: string): Manifest | undefined {
    const { manifest } = this.#readManifest(key);
    if (manifest === undefined) return undefined;
    const whole = Object.values(manifest.outputs).every((digest) => this.hasObject(digest));
    return whole ? manifest : undefined;
  }

  /** Every manifest that can be read, in no stated order. */
  *manifests(): Generator<Manifest> {
    for (const { manifest } of this.manifestFiles()) if (manifest !== undefined) yield manifest;
  }

  /** Every file that should hold a manifest, in no stated order. */
  *manifestFiles(): Generator<ReadManifest & { readonly path: string }> {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(join(this.folder, "manifests"))];
    } catch {
      return;
    }
    for (const { name } of entries) {
      if (!name.endsWith(".json")) continue;
      const key = name.slice(0, -".json".length);
      yield { path: this.manifestPath(key), ...this.#readManifest(key) };
    }
  }

  /** What is damaged counts as absent: the action runs again. */
  #readManifest(key: string): ReadManifest {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.manifestPath(key));
    } catch (error) {
      return { fault: { expected: "a manifest", found: messageOf(error) } };
    }
    return readManifest(text, key);
  }

  /** A new folder for a running child, with an empty folder for each output. */
  makeTemporary(outputs: readonly string[]): string {
    const folder = join(this.folder, "tmp", crypto.randomUUID());
    for (const output of outputs) Deno.mkdirSync(join(folder, output), { recursive: true });
    return folder;
  }

  /** Removes what runs that were killed have left. Only under the lock. */
  sweepTemporary(): void {
    this.#dropEndedLeases();
    const isLeased = leasedFolders(this.folder);
    for (const { name } of Deno.readDirSync(join(this.folder, "tmp"))) {
      if (isLeased(name)) continue;
      removeTree(join(this.folder, "tmp", name));
    }
    for (const { name } of Deno.readDirSync(join(this.folder, "checkpoints"))) {
      // The run was killed after it had written the manifest, before it dropped the checkpoints.
      if (this.find(name) !== undefined) removeTree(this.checkpointFolder(name));
    }
  }

  /** Drops leases of results that are kept: the run was killed after it had written the manifest. */
  #dropEndedLeases(): void {
    for (const key of leasedKeys(this.folder)) {
      if (this.find(key) === undefined) continue;
      const lease = readLease(this.folder, key);
      if (lease !== undefined && hasEnded(this.folder, lease)) dropLease(this.folder, lease);
    }
  }

  /** The listing of an object; undefined if there is no such object or its listing is none. */
  listing(digest: string): Listing | undefined {
    const text = readTextIfThere(this.listingPath(digest));
    return text === undefined ? undefined : readListing(text);
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
    this.#publishFile(this.listingPath(digest), JSON.stringify(listing));
    if (!exists(target)) publishByRename(folder, target);
    return digest;
  }

  /** Makes an action's result known. The last step: from here on it is fresh. */
  writeManifest(manifest: Manifest): void {
    this.#publishFile(this.manifestPath(manifest.key), `${JSON.stringify(manifest, null, 1)}\n`);
  }

  /** Removes an object: the instance that made it is no longer fresh. */
  dropObject(digest: string): void {
    removeTree(this.listingPath(digest));
    removeTree(this.objectFolder(digest));
  }

  /** Drops the checkpoints of a finished action, except the newest `kept`, which move to `<key>.kept`. */
  dropCheckpoints(key: string, kept: number): void {
    const folder = this.checkpointFolder(key);
    if (kept === 0) return removeTree(folder);
    for (const notes of checkpointNotes) removeTree(join(folder, notes));
    const newestFirst = [...Deno.readDirSync(folder)]
      .map(({ name }) => ({ name, at: Deno.lstatSync(join(folder, name)).mtime?.getTime() ?? 0 }))
      .sort((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1));
    for (const { name } of newestFirst.slice(kept)) removeTree(join(folder, name));
    removeTree(`${folder}.kept`);
    Deno.renameSync(folder, `${folder}.kept`);
  }

  #hasListedSizes(folder: string, listing: Listing): boolean {
    try {
      return listing.every(({ path, bytes }) => Deno.statSync(join(folder, path)).size === bytes);
    } catch {
      return false;
    }
  }
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

/** What the file `format` of a folder says; undefined if there is none. @throws UsageError if the folder cannot be read */
function formatOf(folder: string): string | undefined {
  try {
    return isAbsentOrEmpty(folder) ? undefined : readTextIfThere(join(folder, "format"))?.trim();
  } catch (cause) {
    const refused = systemError(cause);
    if (refused === undefined) throw cause;
    throw new UsageError(
      `Cannot use "${folder}" as a store: expected a folder, found ${refused.found}; ` +
        `choose another with --store DIR`,
      { cause },
    );
  }
}

function isAbsentOrEmpty(folder: string): boolean {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (!/^format\.[0-9a-f-]+\.tmp$/.test(name)) return false; // a kill left it
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
