/**
 * What of a store is damaged: every manifest and every chunk of every object against its digest.
 */
import { removeTree } from "../base/mod.ts";
import { objectDigests } from "./collection.ts";
import type { Manifest } from "./manifest.ts";
import type { ObjectCheck } from "./object_check.ts";
import { runRecordFiles } from "./run_records.ts";
import type { InstanceId } from "./stage.ts";
import type { Store } from "./store.ts";

export interface Damage {
  /** Of the object; absent when another file is damaged. */
  readonly digest?: string;
  /** Path of the manifest, when it is that which is damaged. */
  readonly manifest?: string;
  /** Path of the record of a recipe's runs, when it is that which is damaged. */
  readonly record?: string;
  /** The instances whose output it is, sorted; none for an object that no manifest names. */
  readonly makers: readonly InstanceId[];
  /** What is wrong, as part of a sentence. */
  readonly damage: string;
}

/**
 * Reads the objects that manifests name, each once, in the order of their makers.
 * @param onObject Called before each, with how many are done and how many there are.
 */
export async function damagedObjects(
  objects: ObjectCheck,
  manifests: Iterable<Manifest>,
  onObject: (done: number, total: number) => void = () => {},
): Promise<Damage[]> {
  const makers = new Map<string, Set<InstanceId>>();
  for (const { instance, outputs } of manifests) {
    for (const digest of Object.values(outputs)) {
      if (!makers.has(digest)) makers.set(digest, new Set());
      makers.get(digest)!.add(instance);
    }
  }
  const found: Damage[] = [];
  let done = 0;
  for (const [digest, instances] of makers) {
    onObject(done++, makers.size);
    const damage = await objects.damage(digest);
    if (damage !== undefined) found.push({ digest, makers: [...instances].sort(), damage });
  }
  return found;
}

/** Reads everything: manifests, records of runs, what manifests name, and objects that nothing names. */
export async function damageOfStore(
  store: Store,
  objects: ObjectCheck,
  onObject?: (done: number, total: number) => void,
): Promise<Damage[]> {
  const manifests: Manifest[] = [];
  const found: Damage[] = [];
  for (const { path, manifest, fault } of store.manifestFiles()) {
    if (manifest !== undefined) manifests.push(manifest);
    else {
      const damage = `expected in "${path}" ${fault.expected}, found ${fault.found}`;
      found.push({ manifest: path, makers: [], damage });
    }
  }
  for (const { path, fault } of runRecordFiles(store)) {
    if (fault !== undefined) {
      found.push({ record: path, makers: [], damage: `"${path}": ${fault}` });
    }
  }
  manifests.sort((a, b) => (a.instance < b.instance ? -1 : 1));
  found.push(...await damagedObjects(objects, manifests, onObject));
  const named = new Set(manifests.flatMap(({ outputs }) => Object.values(outputs)));
  for (const digest of objectDigests(store)) {
    // Half of an object that nothing names is what a kill left: the next to publish it makes it whole.
    if (named.has(digest) || !store.hasObject(digest)) continue;
    const damage = await objects.damage(digest);
    if (damage !== undefined) found.push({ digest, makers: [], damage });
  }
  return found;
}

/** Drops what is damaged: whatever made it runs again, and nothing else. Only under the lock. */
export function dropDamaged(store: Store, objects: ObjectCheck, found: readonly Damage[]): void {
  for (const { digest, manifest, record } of found) {
    if (manifest !== undefined) removeTree(manifest);
    if (record !== undefined) removeTree(record);
    if (digest === undefined) continue;
    store.dropObject(digest);
    objects.forget(digest);
  }
}
