/**
 * The last step of an instance: its outputs become objects of the store, and a manifest makes them known.
 */
import { machinesOf } from "./checkpoint_notes.ts";
import type { ChildOutcome } from "./executors/executor.ts";
import { bytesOf, countedFlops } from "./forecast.ts";
import { parentsOf } from "./instances.ts";
import type { ActionRecord } from "./key.ts";
import { digestOfListing } from "./listing.ts";
import { type ActionCost, type Manifest, provenance, sealed } from "./manifest.ts";
import type { ObjectCheck } from "./object_check.ts";
import { modulesOf, type Planner } from "./plan.ts";
import type { InstanceId } from "./stage.ts";

interface PublicationOptions {
  readonly planner: Planner;
  readonly objects: ObjectCheck;
  readonly id: InstanceId;
  readonly key: string;
  readonly record: ActionRecord;
  readonly made: Extract<ChildOutcome, { type: "done" }>;
  /** Holds a folder for each output. */
  readonly temporary: string;
  readonly durationMs: number;
}

/** Publishes what an instance has made. */
export async function publish(
  { planner, objects, id, key, record, made, temporary, durationMs }: PublicationOptions,
): Promise<{ readonly outputs: Manifest["outputs"]; readonly cost: ActionCost }> {
  const { store, recipe } = planner;
  const instance = planner.instances.get(id)!;
  const listings = Object.entries(made.outputs);
  const outputs: Record<string, string> = {};
  for (const [output, listing] of listings) {
    const digest = digestOfListing(listing);
    // An object that is there already is kept, if it is what it was when it was published.
    if (store.hasObject(digest) && await objects.damage(digest) !== undefined) {
      store.dropObject(digest);
      objects.forget(digest);
    }
    outputs[output] = store.publishObject(`${temporary}/${output}`, listing);
  }
  const cost = {
    durationMs: Math.round(made.durationMs ?? durationMs),
    peakMemoryBytes: made.peakMemoryBytes,
    bytes: listings.flatMap(([, listing]) => listing).reduce((sum, file) => sum + file.bytes, 0),
    flops: countedFlops(instance, (input) => bytesOf(store, record.inputs[input])),
  };
  const machines = machinesOf(store.checkpointFolder(key));
  store.writeManifest(sealed({
    format: 1,
    key,
    instance: id,
    record,
    outputs,
    summary: made.summary,
    parents: parentsOf(instance),
    modules: modulesOf(planner.code(instance)),
    provenance: {
      ...provenance(recipe.name, cost, made.machine),
      ...(made.device === undefined ? {} : { device: made.device }),
      ...(machines.length > 1 ? { instructionSets: machines } : {}),
    },
  }));
  return { outputs, cost };
}
