/**
 * Pre-trains a variant: rounds of local training and outer averaging, or the same steps on a mixture.
 *
 * in   train/<source>, validation/<source>  token shards of the variant's vocabulary
 *      statistics/<source>                  token counts: V_k
 *      rate                                 the peak rate, where the recipe has it tuned
 *      participants                         a file: who took part in the rounds of a run that is replayed
 *      from                                 the model that it goes on from, where the recipe has one, and for comparison
 *                                           `tokenizer/here`, `tokenizer/from`
 * out  last, best  checkpoints: `model` is shared, `local-<source>` a source's own; best by mean validation loss
 *      metrics     `metrics.jsonl`: a row per round and source, and per round; `monitors.jsonl`, where the recipe has them;
 *                  both as TensorBoard events; `participants.jsonl`, where not everybody took part in every round
 *
 * Source: DEPT Algorithm 1.
 */
import { engineModule } from "../engine/mod.ts";
import { readFileSync } from "node:fs";
import type { SharedWork, Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  type CheckpointEvery,
  fillCheckpoint,
  judgesByOwnRows,
  participantSeeds,
  type Participations,
  participationsIn,
  pretrain as trainRounds,
  pretrainBudget,
  type PretrainResult,
  pretrainSeeds,
  type PretrainSettings,
  readCheckpoint,
  readParticipations,
  type StartingModel,
  type TrainingSource,
  type Variant,
  variantNamed,
  writeMetrics,
} from "../training/mod.ts";
import { openParallelSources, type RunParts, siloSetupOf } from "./parallel_sources.ts";
import { type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import type { Quorum } from "./round_deadline.ts";
import { answerTasks } from "./silo_work.ts";
import { sourcesOf } from "./sources.ts";
import { checkStart, joiningOf, joiningTokens, startInputs } from "./starting_model.ts";
import { checkTrainingText } from "./text_checks.ts";
import { plannedMicroBatch, trainingForecast } from "./training_cost.ts";
import {
  type EngineModules,
  foundMicroBatch,
  microBatchOf,
  tokenShards,
  withTraining,
} from "./training_inputs.ts";

export type PretrainParams =
  & Omit<
    Recipe["pretrain"],
    | "variants"
    | "peakLearningRates"
    | "from"
    | "joining"
    | "validationRows"
    | "quorum"
    | "participants"
    | keyof PretrainHints
  >
  & Pick<PretrainSettings, "joining" | "validationRows">
  & {
    /** Absent where all are waited for. */
    readonly quorum?: Quorum;
    readonly variant: Variant;
    readonly model: Recipe["model"];
    readonly engine: EngineParams;
    readonly continuationShare: number;
  };

export interface PretrainHints {
  readonly checkpointEverySteps: CheckpointEvery;
  /** Sources that are trained at once, each in a process of its own. */
  readonly parallelSources: number;
  /** Where other processes may take them too. */
  readonly shared?: Pick<SharedWork, "url" | "worker">;
}

export const pretrain: Stage<Recipe, PretrainParams, PretrainHints, EngineModules> = {
  name: "pretrain",
  description:
    "Pre-trains a variant: rounds of local training and averaging, or steps on a mixture",
  module: import.meta.url,
  instances: (recipe) => recipe.pretrain.variants.map((variant) => [variant]),
  check({ params: { model, continuationShare }, files }, inputs) {
    if (files.participants !== undefined) readParticipations(files.participants);
    checkTrainingText(inputs, model.seqLen, continuationShare);
    checkStart(inputs, model);
  },
  share({ params, hints, isNative, forecast }, work) {
    const { variant, sourcesPerRound, engine } = params;
    if (variant.mixture) return undefined;
    const { url, worker, access, module } = work;
    const workers = Math.min(work.workers, sourcesPerRound);
    const before = hints.parallelSources;
    const memoryBytes = forecast!.memoryBytes! / (before === 1 ? 1 : before + 1);
    return {
      hints: { ...hints, parallelSources: workers, shared: { url, worker } },
      ...(module === undefined ? {} : { hintModules: { exchange: module } }),
      isNative: isNative || workers > 0, // it starts programs
      access,
      claims: { threads: engine.threads * Math.max(1, workers) },
      forecast: { ...forecast, memoryBytes: memoryBytes * (workers + 1) },
    };
  },
  declare(recipe, [id]) {
    const { model, engine, tune } = recipe;
    const { checkpointEverySteps, parallelSources, participants } = recipe.pretrain;
    const params = pretrainParams(recipe, id);
    const { rounds, localSteps, batchSize, sourcesPerRound, variant } = params;
    const { onlySource } = variantNamed(id);
    // A mixture is trained as one: nothing can be trained beside it.
    const parallel = variant.mixture ? 1 : Math.min(parallelSources, sourcesPerRound);
    const sources = onlySource === undefined ? sourcesOf(recipe) : [onlySource];
    const { tokens: inRounds } = pretrainBudget(variant, params);
    const tokens = inRounds + joiningTokens(recipe, id, sources.length);
    const microBatchSize = plannedMicroBatch(recipe, params);
    const forecast = trainingForecast(recipe, { tokens, models: 2, microBatchSize });
    return {
      inputs: {
        ...startInputs(recipe, id),
        ...tokenShards(["train", "validation", "statistics"], sources, variant.vocabulary),
        ...(tune.variants.includes(id) ? { rate: `tune/${id}#rate` } : {}),
      },
      ...(participants === null || variant.mixture ? {} : { files: { participants } }),
      outputs: ["last", "best", "metrics"],
      params,
      hints: { checkpointEverySteps, parallelSources: parallel },
      seeds: pretrainSeeds,
      uses: { engine: engineModule(engine.kind) },
      isNative: hasNativeEngine(recipe) || parallel > 1,
      claims: { threads: engine.threads * parallel },
      // The process that leads validates, and holds as much as one that trains.
      forecast: {
        ...forecast,
        memoryBytes: forecast.memoryBytes * (parallel === 1 ? 1 : parallel + 1),
      },
      // A round's sources are trained one after the other.
      weight: 1 + 10 * tokens / (Math.max(1, rounds) * localSteps * batchSize * model.seqLen),
    };
  },
};

/** What a recipe says of the pre-training of a variant. */
export function pretrainParams(recipe: Recipe, id: string): PretrainParams {
  const {
    variants: _,
    from: __,
    joining: ___,
    checkpointEverySteps: ____,
    parallelSources: _____,
    validationRows,
    quorum,
    participants,
    peakLearningRates,
    inner,
    ...settings
  } = recipe.pretrain;
  const { training: variant } = variantNamed(id);
  return {
    ...settings,
    ...(variant.mixture === undefined ? {} : unusedByMixtures),
    inner: { ...inner, peakLearningRate: peakLearningRates[id] ?? inner.peakLearningRate },
    ...joiningOf(recipe, id),
    // In a replay it is known who took part.
    ...(variant.mixture || participants !== null ? {} : quorumOf({ quorum })),
    ...(judgesByOwnRows(variant, { validationRows }) ? { validationRows } : {}),
    variant,
    model: recipe.model,
    engine: recipe.engine,
    continuationShare: recipe.continue.share,
  };
}

/** What closes rounds before all have answered: nothing where all are waited for. */
function quorumOf(
  { quorum: { share, afterSeconds } }: Pick<Recipe["pretrain"], "quorum">,
): Pick<PretrainParams, "quorum"> {
  return afterSeconds === null ? {} : { quorum: { share, afterSeconds } };
}

/** A mixture has no rounds to average: these settings change no byte of it, so that it is one instance whatever they say. */
const unusedByMixtures = {
  outer: { kind: "average" },
  adamState: "keep",
  sourceSampling: "uniform",
} as const satisfies Partial<PretrainParams>;

type Context = StageContext<PretrainParams, PretrainHints, EngineModules>;

export async function run(
  context: Context,
): Promise<StageSummary> {
  const { params, hints, inputs, outputs, files } = context;
  const replayed = replayedIn(files);
  const inner = inputs.rate === undefined
    ? params.inner
    : { ...params.inner, peakLearningRate: tunedRate(inputs.rate) };
  const { parallelSources, checkpointEverySteps, shared } = hints;
  return await withTraining(context, async (training) => {
    const microBatchSize = microBatchOf(context, training);
    const settings = { ...params, checkpointEverySteps, inner, microBatchSize };
    const parts = partsOf(context, training.sources, settings);
    if (shared?.worker !== undefined) return await answerAs(shared.worker, parts, context);
    const quorum = shared && params.quorum; // the run's own processes answer in their turn
    const parallel = parallelSources > 1 || shared
      ? await openParallelSources({ ...context, ...parts, count: parallelSources, quorum })
      : undefined;
    if (params.quorum && !shared) {
      context.log.info("pretrain.quorum has no use here: without --exchange nobody is waited for");
    }
    const { helpers } = parallel ?? {};
    const from = inputs.from === undefined
      ? undefined
      : readCheckpoint<StartingModel["state"]>(inputs.from);
    const result = await trainRounds({ ...context, ...training, from, settings, helpers, replayed })
      .finally(() => parallel?.close());
    fillCheckpoint(outputs.last, result.last);
    fillCheckpoint(outputs.best, result.best);
    writeMetrics(outputs.metrics, result);
    return {
      ...(result.start === undefined ? {} : comings(result.start, params)),
      bestRound: result.bestRound,
      validationLossNats: result.bestLossNats,
      ...reproducibility(result, replayed),
      ...foundMicroBatch(params.microBatchSize, microBatchSize),
    };
  });
}

/** What a result depends on besides its key: who took part, where that is not an input already. */
export function reproducibility(
  { metrics }: Pick<PretrainResult, "metrics">,
  replayed: Participations | undefined,
): StageSummary {
  return replayed || participationsIn(metrics).length === 0
    ? {}
    : { reproducible: "by participants" };
}

/** Rounds of a run that is replayed. @param files Of the stage. */
export function replayedIn(files: Context["files"]): Participations | undefined {
  return files.participants === undefined ? undefined : readParticipations(files.participants);
}

/** Who came and went, in a few words. */
function comings(
  { joined, left }: NonNullable<PretrainResult["start"]>,
  { joining }: Pick<PretrainParams, "joining">,
): StageSummary {
  return {
    ...(joined.length === 0 ? {} : {
      joined: joined.join(", "),
      tableSteps: joining?.steps ?? 0, // no table is a source's own to train where batches are drawn from all
    }),
    ...(left.length === 0 ? {} : { left: left.join(", ") }),
  };
}

function tunedRate(folder: string): number {
  return JSON.parse(readFileSync(`${folder}/rate.json`, "utf8")).peakLearningRate;
}

/** What processes are told that train sources beside this one. */
function partsOf(
  { params, hints, inputs, moduleUrls, seed, checkpointFolder }: Context,
  sources: readonly TrainingSource[],
  settings: PretrainSettings,
): RunParts {
  const { variant, engine } = params;
  const setup = {
    variant,
    engineModule: moduleUrls.engine,
    settings,
    engine,
    sources: sources.map(({ name, localVocabulary }) => ({
      name,
      train: inputs[`train/${name}`],
      validation: inputs[`validation/${name}`],
      localVocabulary: [...localVocabulary],
    })),
    seeds: participantSeeds(variant, sources.map(({ name }) => name), seed),
    checkpointFolder,
  };
  const { shared } = hints;
  const exchange = shared && { url: shared.url, module: moduleUrls.exchange };
  return { setup, sources, exchange };
}

/** Takes tasks of the run that another process leads, until this one is stopped. @throws signal.reason */
async function answerAs(
  worker: string,
  parts: RunParts,
  { log, signal }: Context,
): Promise<never> {
  const setup = siloSetupOf(parts);
  const total = parts.setup.settings.localSteps;
  const nameOf = ({ source, round }: { source: string; round: number }) =>
    `${source} in round ${round}`;
  await answerTasks({ ...setup, exchange: { ...setup.exchange, worker } }, {
    log,
    signal,
    onTaken: (task) => log.info(`trains ${nameOf(task)}`),
    onProgress: ({ steps, lossNats }) =>
      log.progress({
        done: steps,
        total,
        unit: "steps",
        ...(lossNats === null ? {} : { lossNats }),
      }),
    onAnswered: (task) => log.info(`has answered for ${nameOf(task)}`),
  });
  throw signal.reason;
}
