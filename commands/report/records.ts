/**
 * What a store says of the results that a report is made from: keys, seeds and packages, which belong to a result, and when, how long
 * and on what it was made, which does not.
 */
import type { InstanceState } from "../../pipeline/plan.ts";
import type { Instances } from "../../pipeline/instances.ts";
import type { Manifest, Provenance } from "../../pipeline/manifest.ts";
import type { InstanceId } from "../../pipeline/stage.ts";

/** A result, or what is not made yet. */
export interface ReportRecord {
  readonly id: InstanceId;
  readonly stage: string;
  readonly needs: readonly InstanceId[];
  readonly isMade: boolean;
  readonly key: string | null;
  /** Name and version of every package that it may run. */
  readonly packages: readonly string[];
  /** The root seed and the names of the seeds that it draws; null where it draws none. */
  readonly seeds: string | null;
  readonly outputs: Readonly<Record<string, string>>;
  /** Null for what is not made, and where only results are wanted. */
  readonly circumstances: Circumstances | null;
}

/** What is no result. */
export interface Circumstances {
  readonly startedAt: number;
  readonly durationMs: number;
  readonly peakMemoryBytes: number | undefined;
  readonly machine: string;
  readonly versions: string;
}

/**
 * In the order of the plan.
 * @param isReproducible Whether only what belongs to results is wanted.
 */
export function recordsOf(
  states: ReadonlyMap<InstanceId, InstanceState>,
  instances: Instances,
  isReproducible: boolean,
): ReportRecord[] {
  return [...states].map(([id, state]) => {
    const { stage, needs } = instances.get(id)!;
    const manifest = state.status === "fresh" ? state.manifest : undefined;
    return {
      id,
      stage: stage.name,
      needs,
      isMade: manifest !== undefined,
      key: manifest?.key ?? null,
      packages: packagesOf(manifest),
      seeds: seedsOf(manifest),
      outputs: manifest?.outputs ?? {},
      circumstances: manifest === undefined || isReproducible
        ? null
        : circumstancesOf(manifest.provenance),
    };
  });
}

/** `onnxruntime-node 1.30.0`: without the digests that the key has beside. */
function packagesOf(manifest: Manifest | undefined): string[] {
  return Object.entries(manifest?.record.packages ?? {})
    .map(([name, version]) => `${name} ${version.split(" ")[0]}`).sort();
}

function seedsOf(manifest: Manifest | undefined): string | null {
  const seeds = manifest?.record.seeds;
  return seeds === undefined ? null : `${seeds.root}: ${seeds.names.join(", ")}`;
}

function circumstancesOf(made: Provenance): Circumstances {
  const { madeAt, durationMs, peakMemoryBytes, platform, cpu } = made;
  const sets = made.instructionSets ?? (made.instructionSet ? [made.instructionSet] : []);
  return {
    startedAt: Date.parse(madeAt) - durationMs,
    durationMs,
    peakMemoryBytes,
    machine: `${platform} ${cpu}${sets.length === 0 ? "" : ` (${sets.join("; then ")})`}`,
    versions: `Deno ${made.deno}${made.v8 === undefined ? "" : `, V8 ${made.v8}`}`,
  };
}
