/**
 * What stages that pre-train open: the engine, and the sources by their inputs.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { group, type OutputRef, type StageContext } from "../pipeline/stage.ts";
import {
  type DeclaredSource,
  type MicroBatchSize,
  type ModelShape,
  openSource,
  resolveMicroBatch,
  type TrainingSource,
  type Variant,
} from "../training/mod.ts";

/** What stages that compute on an engine use. */
export interface EngineModules {
  readonly engine: { readonly engine: Engine };
}

/** Inputs `<output>/<source>` from the stage that wrote the sources' tokens in a vocabulary, or in that of an import. */
export function tokenShards(
  outputs: readonly string[],
  sources: readonly string[],
  vocabulary: "global" | "own" | `external/${string}`,
): Record<string, OutputRef> {
  return Object.fromEntries(
    outputs.flatMap((output) =>
      sources.map((source): [string, OutputRef] => [
        `${output}/${source}`,
        `tokenize/${source}/${vocabulary}#${output}`,
      ])
    ),
  );
}

interface Training {
  readonly variant: Variant;
  readonly sources: readonly TrainingSource[];
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
}

/** The recipe's size of micro-batches, or what `auto` is with the largest vocabulary that a source of the variant trains with. */
export function microBatchOf(
  { params }: {
    readonly params: {
      readonly model: ModelShape;
      readonly batchSize: number;
      readonly microBatchSize: MicroBatchSize;
      readonly engine: EngineOptions;
    };
  },
  { engine, sources, variant }: {
    readonly engine: Engine;
    readonly sources: readonly (
      & { readonly train: Pick<TrainingSource["train"], "vocabSize"> }
      & Partial<Pick<TrainingSource, "localVocabulary"> & Pick<DeclaredSource, "vocabulary">>
    )[];
    readonly variant?: Pick<Variant, "cutsVocabulary">;
  },
): number {
  const sizes = sources.map(({ train, localVocabulary, vocabulary }) =>
    vocabulary?.size ?? (variant?.cutsVocabulary ? localVocabulary!.length : train.vocabSize)
  );
  return resolveMicroBatch({
    ...params,
    config: { ...params.model, vocabSize: Math.max(...sizes) },
    engine,
    threads: params.engine.threads,
  });
}

/** The size for the summary of a finished instance, if it was found and not given. */
export function foundMicroBatch(
  asked: MicroBatchSize,
  found: number,
): { readonly microBatchSize?: number } {
  return asked === "auto" ? { microBatchSize: found } : {};
}

/** Calls `use` with what a context's inputs and modules hold, and closes the sources after it. */
export async function withTraining<T>(
  { params, inputs, modules }: Pick<
    StageContext<
      { readonly variant: Variant; readonly engine: EngineOptions },
      object,
      EngineModules
    >,
    "params" | "inputs" | "modules"
  >,
  use: (training: Training) => Promise<T>,
): Promise<T> {
  const [validation, statistics] = [group(inputs, "validation"), group(inputs, "statistics")];
  const sources = [...group(inputs, "train")].map(([name, train]) =>
    openSource(name, {
      train,
      validation: validation.get(name)!,
      statistics: statistics.get(name)!,
    })
  );
  try {
    return await use({
      variant: params.variant,
      sources,
      engine: modules.engine.engine,
      engineOptions: params.engine,
    });
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation.close();
    }
  }
}
