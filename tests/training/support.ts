/**
 * Tiny networks and sources for the tests of training, on the reference engine.
 */
import { openTokenShards, type TokenShards, writeTokenShards } from "../../datasets/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { Random, type Seed, seedOf } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  type Checkpoint,
  type Continuation,
  type ContinuationSettings,
  type DeclaredSource,
  type Group,
  type InnerOptimizer,
  learningRateAt,
  type LocalHelpers,
  type LocalOutcome,
  type LocalTask,
  type Pretraining,
  type PretrainSettings,
  safetensorsParts,
  sourceVocabulary,
  type Tensors,
  tensorsOf,
  type TrainingSource,
  type Variant,
  variantNamed,
} from "../../training/mod.ts";
import { initialShared } from "../../training/source.ts";
import { stopping } from "../support/training_steps.ts";

const rootSeed = 17;
export const seed = (name: string): Seed => seedOf(rootSeed, name);
export const engineOptions = { threads: 1, precision: "fp32" } as const;
export const vocabSize = 24;

export const model = {
  nLayers: 1,
  dModel: 8,
  nHeads: 2,
  expansion: 2,
  seqLen: 8,
  positions: "alibi",
  bias: true,
} as const;

export const inner: InnerOptimizer = {
  peakLearningRate: 0.01,
  schedule: "cosine",
  warmupSteps: 2,
  finalFactor: 0.1,
  decayFraction: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 1,
};

export const settings: PretrainSettings = {
  model,
  rounds: 2,
  localSteps: 3,
  sourcesPerRound: 2,
  sourceSampling: "uniform",
  windowOrder: "shuffled",
  batchSize: 4,
  microBatchSize: 2,
  inner,
  outer: { kind: "average" },
  adamState: "reset",
  nonFinite: "stop",
  guard: stopping,
  monitors: { everySteps: null },
  warnings: { activationGrowth: Infinity, epochs: Infinity, unknownShare: Infinity },
  forgetting: "same",
  validationWindows: 3,
  validationRows: "all",
  validateAllEvery: 1,
  checkpointEverySteps: 2,
  continuationShare: 0,
};

/** The rate under a cosine after a linear warm-up. */
export function cosineWithWarmup(
  step: number,
  schedule: Omit<Parameters<typeof learningRateAt>[1], "schedule" | "decayFraction">,
): number {
  return learningRateAt(step, { ...schedule, schedule: "cosine", decayFraction: 0 });
}

export function variantOf(id: string): Variant {
  return variantNamed(id).training;
}

/** A file's bytes in one piece. */
export function encodeSafetensors(tensors: Tensors): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(safetensorsParts(tensors).flatMap((part) => [...part]));
}

/** Documents of 5 to 9 ids from `ids`, in which each id is followed by its neighbour. */
export async function shardsOf(
  folder: string,
  ids: readonly number[],
  documents: number,
): Promise<TokenShards> {
  const random = new Random(seed(`text/${ids.join()}`));
  const texts = Array.from({ length: documents }, () => {
    const first = random.below(ids.length);
    const length = 5 + random.below(5);
    return {
      ids: Array.from({ length }, (_, i) => ids[(first + i) % ids.length]),
      bytes: length,
    };
  });
  Deno.mkdirSync(folder, { recursive: true });
  await writeTokenShards(folder, texts, { vocabSize, endId: 2 });
  return openTokenShards(folder);
}

/** A source whose texts hold `ids`, and whose V_k is those and the first four. */
export async function sourceOf(
  folder: string,
  name: string,
  ids: readonly number[],
): Promise<TrainingSource> {
  return {
    name,
    train: await shardsOf(`${folder}/${name}/train`, ids, 40),
    validation: await shardsOf(`${folder}/${name}/validation`, ids, 6),
    localVocabulary: Int32Array.from([0, 1, 2, 3, ...ids]),
  };
}

/** Three sources that share some ids, in a temporary folder that is removed at the end. */
export async function withSources<T>(
  use: (sources: readonly TrainingSource[], folder: string) => Promise<T>,
): Promise<T> {
  const folder = Deno.makeTempDirSync();
  const sources = [
    await sourceOf(folder, "alpha", [8, 9, 10, 11]),
    await sourceOf(folder, "beta", [10, 11, 12, 13, 14]),
    await sourceOf(folder, "gamma", [14, 15, 16]),
  ];
  try {
    return await use(sources, folder);
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation.close();
    }
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Options of a run whose checkpoints lie in a new folder under `folder`. */
export function pretraining(
  id: string,
  sources: readonly TrainingSource[],
  folder: string,
  changes: Partial<PretrainSettings> = {},
): Omit<Pretraining, "sources"> & { readonly sources: readonly TrainingSource[] } {
  return {
    variant: variantOf(id),
    settings: { ...settings, ...changes },
    sources,
    engine,
    engineOptions,
    seed,
    checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
    log: silentLog,
    signal: new AbortController().signal,
  };
}

/** Options of a continuation of an untrained model, whose checkpoints lie in a new folder under `folder`. */
export function continuing(
  id: string,
  sources: readonly TrainingSource[],
  folder: string,
  changes: Partial<ContinuationSettings> = {},
): Continuation {
  const from: Checkpoint = {
    groups: { model: initialShared(variantOf(id), model, vocabSize, seed) },
    state: {},
  };
  return {
    settings: {
      variant: id,
      start: "random",
      model,
      steps: 7,
      share: 0,
      sampling: "uniform",
      batchSize: 2,
      microBatchSize: 1,
      inner,
      pretrainedRateFactor: 0.5,
      guard: settings.guard,
      monitors: { everySteps: null },
      warnings: { activationGrowth: Infinity, epochs: Infinity, weakGainNats: -Infinity },
      checkpointEverySteps: 3,
      ...changes,
    },
    from,
    sources,
    engine,
    engineOptions,
    seed,
    checkpointFolder: Deno.makeTempDirSync({ dir: folder }),
    log: silentLog,
    signal: new AbortController().signal,
  };
}

/** A checkpoint's tensors in memory, also those that lie in files. */
export function groupsOf(
  { groups }: Pick<Checkpoint<unknown, Group>, "groups">,
): Record<string, Tensors> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, group]) => [name, tensorsOf(group)]),
  );
}

/** Plain data of a checkpoint, so that two can be compared for equality of every bit. */
export function plain(checkpoint: Checkpoint<Checkpoint["state"], Group>) {
  return {
    state: checkpoint.state,
    groups: Object.fromEntries(
      Object.entries(groupsOf(checkpoint)).map(([group, tensors]) => [
        group,
        Object.fromEntries(
          Object.entries(tensors).sort().map(([name, { shape, data }]) => [
            name,
            { shape: [...shape], bits: new Uint32Array(data.slice().buffer) },
          ]),
        ),
      ]),
    ),
  };
}

/** What a silo says of a source. TRIM's leader must know the rows, no other one does. */
export function declared(variant: Variant, { name, train, localVocabulary }: TrainingSource) {
  const { tokens, vocabSize } = train;
  const { size, rows } = sourceVocabulary(variant, { vocabSize, localVocabulary });
  const vocabulary = variant.sharesEmbeddings && rows ? { size, rows } : { size };
  return { name, train: { tokens, vocabSize }, vocabulary } satisfies DeclaredSource;
}

/** Helpers that train in this process, one task after the other. @param only Of participants with these numbers; of all when absent. */
export function helpersOf(
  train: (task: LocalTask) => Promise<LocalOutcome>,
  only?: readonly number[],
): LocalHelpers {
  return {
    train(tasks) {
      let last: Promise<unknown> = Promise.resolve();
      return new Map(
        [...tasks].filter((_, at) => only?.includes(at) ?? true).map(([name, task]) => {
          const outcome = last.then(() => train(task()));
          last = outcome.catch(() => {});
          return [name, outcome.then((outcome) => ({ kind: "made" as const, outcome }))];
        }),
      );
    },
    close: () => Promise.resolve(),
    forget: () => Promise.resolve(),
  };
}
