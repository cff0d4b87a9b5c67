/**
 * Garbage collection: finds the results of a store that no run asks for, and removes them in one step.
 *
 * The step has a journal: `gc.json` lists everything before anything is removed, manifests first, so that no manifest names an
 * object that is missing. If the process is killed in between, the next process that locks the store finishes the removal.
 */
import { join } from "node:path";
import { readTextIfThere, removeTree } from "../base/mod.ts";
import { publishFile } from "./durable.ts";
import type { Manifest } from "./manifest.ts";
import { readRunRecords, type RunRecord } from "./run_records.ts";
import { isOutOfRoom } from "./storage_errors.ts";
import type { Store } from "./store.ts";

export interface Garbage {
  /** Manifests that no kept run asks for. */
  readonly manifests: readonly Manifest[];
  /** Digests of objects that no kept manifest names. */
  readonly objects: readonly string[];
  /** Names of checkpoint folders and logs that no kept run asks for. */
  readonly checkpoints: readonly string[];
  readonly logs: readonly string[];
  /** Their size on the disk, all together. */
  readonly bytes: number;
}

/** Paths from the store's folder, in the order of their removal. */
interface Journal {
  readonly remove: readonly string[];
}

/** Finds everything that no record of `kept` names. Changes nothing. */
export function findGarbage(store: Store, kept: readonly RunRecord[]): Garbage {
  const keys = new Set(kept.flatMap((record) => [...record.keys.values()]));
  const [live, dead]: Manifest[][] = [[], []];
  for (const manifest of store.manifests()) (keys.has(manifest.key) ? live : dead).push(manifest);
  const named = new Set(live.flatMap((manifest) => Object.values(manifest.outputs)));
  const objects = objectDigests(store).filter((digest) => !named.has(digest));
  const [checkpoints, logs] = ["checkpoints", "logs"].map((folder) =>
    namesIn(join(store.folder, folder)).filter((name) => !keys.has(name.split(".")[0]))
  );
  const bytes = [
    ...dead.map(({ key }) => store.manifestPath(key)),
    ...objects.flatMap((digest) => [store.listingPath(digest), store.objectFolder(digest)]),
    ...checkpoints.map((name) => join(store.folder, "checkpoints", name)),
    ...logs.map((name) => join(store.folder, "logs", name)),
  ].reduce((sum, path) => sum + bytesUnder(path), 0);
  return {
    manifests: dead.sort((a, b) => (a.instance < b.instance ? -1 : 1)),
    objects,
    checkpoints,
    logs,
    bytes,
  };
}

/** Removes garbage. Only under the lock. */
export function collect(store: Store, garbage: Garbage, forgotten: readonly RunRecord[]): void {
  const paths = [
    ...garbage.manifests.map(({ key }) => store.manifestPath(key)),
    ...garbage.objects.flatMap((digest) => [store.listingPath(digest), store.objectFolder(digest)]),
    ...garbage.checkpoints.map((name) => join(store.folder, "checkpoints", name)),
    ...garbage.logs.map((name) => join(store.folder, "logs", name)),
    ...forgotten.map(({ path }) => path),
  ];
  const journal: Journal = { remove: paths.map((path) => path.slice(store.folder.length + 1)) };
  try {
    publishFile(journalPath(store), JSON.stringify(journal));
  } catch (error) {
    if (!isOutOfRoom(error)) throw error;
    // A full disk has no room for a journal. The order is the same: what a kill leaves is garbage that the next collection finds.
    paths.forEach(removeTree);
  }
  finishCollection(store);
}

/** Finishes or undoes the step that a killed process has left. Only under the lock. */
export function recoverStore(store: Store): void {
  finishCollection(store);
  store.sweepTemporary();
}

/** Finishes the removal that a journal lists, if there is a journal. One that is damaged is dropped: garbage stays garbage. */
function finishCollection(store: Store): void {
  const text = readTextIfThere(journalPath(store));
  if (text === undefined) return;
  for (const path of readJournal(text)) removeTree(join(store.folder, path));
  removeTree(journalPath(store));
}

/** Paths of a journal; none if it is damaged, or if a path leads out of the store. */
function readJournal(text: string): readonly string[] {
  try {
    const { remove } = JSON.parse(text) as Journal;
    const isInside = (path: unknown) =>
      typeof path === "string" && /^(manifests|objects|checkpoints|logs|runs)\/./.test(path) &&
      !path.split("/").includes("..");
    return remove.every(isInside) ? remove : [];
  } catch {
    return [];
  }
}

/** The records that a collection keeps: those named, or all that were run since a time (ms). */
export function keptRecords(
  store: Store,
  names: readonly string[],
  sinceMs: number,
): { readonly kept: RunRecord[]; readonly forgotten: RunRecord[] } {
  const isKept = ({ identity, at }: RunRecord) =>
    names.length > 0 ? names.includes(identity.recipe) : Date.parse(at) >= sinceMs;
  const records = readRunRecords(store);
  return { kept: records.filter(isKept), forgotten: records.filter((it) => !isKept(it)) };
}

/** Digests of all objects, sorted; also of objects that have only a folder or only a listing. */
export function objectDigests(store: Store): string[] {
  const folder = join(store.folder, "objects");
  const names = namesIn(folder).flatMap((prefix) => namesIn(join(folder, prefix)));
  return [...new Set(names.map((name) => name.split(".")[0]))].sort();
}

function journalPath(store: Store): string {
  return join(store.folder, "gc.json");
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function bytesUnder(path: string): number {
  try {
    const info = Deno.lstatSync(path);
    if (!info.isDirectory) return info.size;
    return namesIn(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
