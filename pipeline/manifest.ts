/**
 * The record of one finished action: what was made, from what, and when.
 *
 * Manifests come from other machines and older versions too. What does not have this shape is no manifest: it is refused where
 * it arrives, and taken for absent where it lies in a store already.
 */
import { z } from "zod";
import { canonicalJson, isDeeperThan, type Json, sha256 } from "../base/mod.ts";
import { actionKey, type ActionRecord } from "./key.ts";
import { type MachineNotes, machineNotes } from "./machine.ts";
import type { StageSummary } from "./stage.ts";

/** What was made, from what, and when: the record of one finished action. */
export interface Manifest {
  readonly format: 1;
  readonly key: string;
  readonly instance: string;
  readonly record: ActionRecord;
  /** Object digest by output name. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: StageSummary;
  /** Where each input came from, by name: `tokenize/it/global#train`. This and what follows may be absent: older versions did not write it. */
  readonly parents?: Readonly<Record<string, string>>;
  /** Digest of what each module has in a bundle, by bundle and module: what `why` names a change by. Not in the key. */
  readonly modules?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly provenance: Provenance;
  /** SHA-256 of the canonical JSON of all the rest. */
  readonly digest?: string;
}

/** A manifest with the digest of what it says. */
export function sealed(manifest: Omit<Manifest, "digest">): Manifest {
  return { ...manifest, digest: sha256(canonicalJson(manifest)) };
}

/** Circumstances of a run that do not enter the key. */
export interface Provenance {
  readonly recipe: string;
  readonly deno: string;
  readonly platform: string;
  readonly cpu: string;
  /** The processor's vector instructions that numeric libraries choose by, as far as they can be known: `avx2 fma`. */
  readonly instructionSet?: string;
  /** The instructions of all machines that worked on it, in order, if it continued from a checkpoint of another machine. */
  readonly instructionSets?: readonly string[];
  /** What computed beside the processor: a card, its driver, versions of libraries. */
  readonly device?: string;
  readonly v8?: string;
  readonly typescript?: string;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  readonly durationMs: number;
  readonly peakMemoryBytes?: number;
  /** Bytes of all outputs. */
  readonly bytes?: number;
  /** As the stage forecasts them. */
  readonly flops?: number;
}

/** The cost of an action. */
export type ActionCost = Pick<Provenance, "durationMs" | "peakMemoryBytes" | "bytes" | "flops">;

/** The provenance of a result that has just been made. @param machine Where it was made: here, if nothing else is said */
export function provenance(
  recipe: string,
  cost: ActionCost,
  machine: MachineNotes = machineNotes(),
): Provenance {
  return {
    recipe,
    ...machine,
    madeAt: new Date().toISOString(),
    ...cost,
  };
}

/** Parameters nest by the recipe, at most a dozen levels. What nests by thousands ends every function that walks it. */
const deepestLevels = 100;

// The words of these schemas follow "expected".
const text = z.string("text");
const digest = z.string("a digest").regex(/^[0-9a-f]{64}$/, "a digest");
const amount = z.number("a number of at least 0").min(0, "a number of at least 0");
const record = <Value extends z.ZodType>(value: Value) => z.record(z.string(), value, "a map");
const json = z.custom<Json>((value) => value !== undefined, "a value");

const manifestShape: z.ZodType<Manifest> = z.looseObject({
  format: z.literal(1, "1"),
  key: digest,
  instance: text.min(1, "text"),
  record: z.looseObject({
    format: z.literal(1, "1"),
    stage: text,
    code: record(digest),
    packages: record(text),
    params: json,
    inputs: record(digest),
    seeds: z.looseObject(
      { root: z.number("a number"), names: z.array(text, "a list").readonly() },
      "a map",
    ).optional(),
  }, "a map"),
  outputs: record(digest),
  summary: record(json),
  parents: record(text).optional(),
  modules: record(record(text)).optional(),
  provenance: z.looseObject({
    recipe: text,
    deno: text,
    platform: text,
    cpu: text,
    instructionSet: text.optional(),
    instructionSets: z.array(text, "a list").readonly().optional(),
    device: text.optional(),
    v8: text.optional(),
    typescript: text.optional(),
    madeAt: text.regex(/^\d{4}-\d\d-\d\dT/, "a time"),
    durationMs: amount,
    peakMemoryBytes: amount.optional(),
    bytes: amount.optional(),
    flops: amount.optional(),
  }, "a map"),
  digest: digest.optional(),
}, "a map");

/** A manifest, or what is wrong with the text that should hold it. */
export type ReadManifest =
  | { readonly manifest: Manifest; readonly fault?: undefined }
  | { readonly manifest?: undefined; readonly fault: Fault };

/** Parts of a sentence. */
interface Fault {
  readonly expected: string;
  readonly found: string;
}

/** Reads a text as the manifest of an action. Its key is the digest of its record. */
export function readManifest(text: string, key: string): ReadManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: { expected: "a manifest", found: "no JSON" } };
  }
  if (isDeeperThan(value, deepestLevels)) {
    return { fault: { expected: `a manifest of at most ${deepestLevels} levels`, found: "more" } };
  }
  const { success, error } = manifestShape.safeParse(value);
  if (!success) {
    const { path, message } = error.issues[0];
    const place = path.map(String).join(".");
    const expected = path.length === 0 ? "a manifest" : `a manifest with ${message} as "${place}"`;
    return { fault: { expected, found: kindAt(value, path) } };
  }
  const manifest = value as Manifest; // as it stands: with what later versions add
  if (manifest.key !== key || actionKey(manifest.record) !== key) {
    return { fault: { expected: "the record that its name is the digest of", found: "another" } };
  }
  const { digest: own, ...rest } = manifest;
  if (own !== undefined && own !== sealed(rest).digest) {
    return { fault: { expected: `what digest ${own} is of`, found: "something else" } };
  }
  return { manifest };
}

/** A number, truth value or null as it is written; of anything else what it is. */
function kindAt(value: unknown, path: readonly PropertyKey[]): string {
  for (const key of path) value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  if (value === undefined) return "none";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  return typeof value === "string" ? "another text" : String(value);
}
