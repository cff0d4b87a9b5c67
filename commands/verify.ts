/**
 * `verify`: reads everything that a store has against its digests, names what is damaged and drops it.
 */
import { addStoreOption } from "./plan_options.ts";
import type { PipelineCommand } from "./project.ts";
import { print } from "./screen.ts";
import { resolve } from "node:path";
import { formatBytes, formatDuration, UsageError } from "../base/mod.ts";
import { recoverStore } from "../pipeline/collection.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { Store } from "../pipeline/store.ts";
import { lockStore } from "../pipeline/store_lock.ts";
import { StorageError } from "../pipeline/storage_errors.ts";
import { type Damage, damageOfStore, dropDamaged } from "../pipeline/verification.ts";

interface VerifyOptions {
  readonly store: string;
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addStoreOption(command)
      .option("--json", "print one JSON object")
      .addHelpText("after", examples),
  act: (_, options: VerifyOptions) => verify(options),
};

/** Checks a store; returns 1 when something is damaged. What is damaged is dropped, unless a run holds the store. */
async function verify({ store: name, json }: VerifyOptions): Promise<number> {
  const startedAt = performance.now();
  const store = Store.open(resolve(name), { create: false });
  if (!store.isThere) {
    throw new UsageError(`Cannot verify "${store.folder}": expected a store, found none there`);
  }
  const objects = new ObjectCheck(store, false);
  let total = 0;
  const found = await damageOfStore(store, objects, (_, all) => total = all);
  objects.save();
  const isDropped = found.length > 0 && await drop(store, objects, found);
  if (json) {
    print(JSON.stringify({ objects: total, damaged: found, dropped: isDropped }, null, 2));
  } else {
    for (const it of found) print(`damaged  ${makersText(it)}  ${it.damage}`);
    print(
      found.length === 0
        ? `All ${total} objects are whole (${formatBytes(bytesOf(store))} read in ${
          formatDuration(performance.now() - startedAt)
        })`
        : `${found.length} damaged, ${outcome(isDropped)}`,
    );
  }
  return found.length > 0 ? 1 : 0;
}

/** Drops damaged objects under the lock. False if another process has the lock, or if the store cannot be written. */
async function drop(
  store: Store,
  objects: ObjectCheck,
  found: readonly Damage[],
): Promise<boolean> {
  try {
    using lock = await lockStore(store.folder, { command: "verify", onBusy: () => false });
    if (lock === undefined) return false;
    recoverStore(store);
    dropDamaged(store, objects, found);
    return true;
  } catch (error) {
    if (error instanceof StorageError) return false;
    throw error;
  }
}

function outcome(isDropped: boolean): string {
  return isDropped
    ? "and dropped; the next run makes them again, and nothing else"
    : "and left where they are, as the store is in use or cannot be written; verify it again later";
}

function makersText({ makers, manifest, record }: Damage): string {
  if (manifest !== undefined) return "a manifest";
  if (record !== undefined) return "a record of runs";
  return makers.length === 0 ? "an object that nothing names" : makers.join(", ");
}

function bytesOf(store: Store): number {
  let bytes = 0;
  const seen = new Set<string>();
  for (const { outputs } of store.manifests()) {
    for (const digest of Object.values(outputs)) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      for (const file of store.listing(digest) ?? []) bytes += file.bytes;
    }
  }
  return bytes;
}

const examples = `
Examples:
  deno task pipeline verify  exit code 1: something was damaged, and is dropped
  deno task pipeline verify --store results --json`;
