/**
 * Leads the pre-training of a variant whose sources are with silos: it opens no text, and knows of each source what its silo declares.
 *
 * in   declaration/<source>  a file: what the source's silo declares
 *      participants          a file: who took part in the rounds of a run that is replayed
 *      tokenizer             that of the vocabulary of all sources, where there is one
 * out  last, best            checkpoints of what is shared, `model`; tables that are a source's own stay with its silo
 *      metrics               as those of `pretrain`
 *
 * Source: DEPT Algorithm 1, §2.4.
 */
import { basename, join } from "node:path";
import { engineModule } from "../engine/mod.ts";
import type { LeaderExchange } from "../exchange/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
} from "../pipeline/stage.ts";
import {
  type DeclaredSource,
  fillCheckpoint,
  type FinishedModel,
  Participants,
  pretrain as trainRounds,
  type PretrainResult,
  pretrainSeeds,
  type PretrainSettings,
  TensorFiles,
  type Variant,
  writeMetrics,
} from "../training/mod.ts";
import { openLeaderAt } from "./exchange_place.ts";
import { ExchangeRounds } from "./exchange_rounds.ts";
import { scoresBySilos } from "./exchange_scores.ts";
import {
  checkStanding,
  declarationPath,
  declaredSource,
  type FinishHead,
  keysPath,
  readDeclaration,
  readKeys,
  type RunRecord,
} from "./federation.ts";
import { meeting, type PartyHints, partyInstances, placeOf } from "./party.ts";
import { type PretrainParams, pretrainParams, replayedIn, reproducibility } from "./pretrain.ts";
import { hasNativeEngine, type Recipe } from "./recipe.ts";
import { roundsExtent } from "./rounds_extent.ts";
import { isLed } from "./sources.ts";
import { type EngineModules, foundMicroBatch, microBatchOf } from "./training_inputs.ts";
import { trainingForecast } from "./training_cost.ts";

type FederateParams = PretrainParams & {
  /** The name of the run in its exchange. */
  readonly run: string;
};

type Context = StageContext<FederateParams, PartyHints, EngineModules>;

export const federate: Stage<Recipe, FederateParams, PartyHints, EngineModules> = {
  name: "federate",
  description: "Leads the pre-training of a variant whose sources are with silos: command `serve`",
  module: import.meta.url,
  instances: (recipe) => isLed(recipe) ? partyInstances(recipe) : [],
  share: meeting,
  declare(recipe, [id]) {
    const { run, folder, sources } = recipe.federation!;
    const { participants } = recipe.pretrain;
    const params = pretrainParams(recipe, id);
    return {
      inputs: tokenizerOf(params.variant),
      files: {
        ...(participants === null ? {} : { participants }),
        ...Object.fromEntries(
          sources.map((source) => [`declaration/${source}`, declarationPath(folder, source)]),
        ),
      },
      outputs: ["last", "best", "metrics"],
      params: { ...params, run },
      hints: { checkpointEverySteps: recipe.pretrain.checkpointEverySteps, folder },
      seeds: pretrainSeeds,
      uses: { engine: engineModule(params.engine.kind) },
      isNative: hasNativeEngine(recipe),
      access: { folders: [], files: [keysPath(folder)], environment: [] },
      // It averages and computes no step: as much memory as a model, what is sent, and what comes.
      forecast: { ...trainingForecast(recipe, { tokens: 0, models: 2 }) },
    };
  },
};

export async function run(context: Context): Promise<StageSummary> {
  const {
    params,
    hints,
    files,
    outputs,
    modules,
    moduleUrls,
    seed,
    checkpointFolder,
    log,
    signal,
  } = context;
  const { variant, run } = params;
  const replayed = replayedIn(files);
  const declarations = [...group(files, "declaration")]
    .map(([name, path]) => [name, readDeclaration(path)] as const);
  const sources = declarations.map(([name, declared]) => declaredSource(name, declared));
  const { engine: { engine } } = modules;
  const microBatchSize = microBatchOf({ params }, { engine, sources, variant });
  const settings = settingsOf(params, microBatchSize);
  const { checkpointEverySteps } = hints;
  const { privateKey, others } = readKeys(hints.folder);
  const place = placeOf(hints.exchange, moduleUrls);
  await using exchange = await openLeaderAt(place, {
    run,
    privateKey,
    silos: others,
    onTrouble: (message) => log.warn(message),
  });
  const record: RunRecord = {
    key: basename(checkpointFolder),
    variant: variant.id,
    settings,
    engine: params.engine,
    turns: turnsOf({ variant, settings, sources }, seed),
    texts: Object.fromEntries(declarations.map(([name, { text }]) => [name, text])),
  };
  checkStanding(await exchange.closeRound(0, record), record);
  const extent = roundsExtent(variant, settings);
  const folder = (name: string) => join(checkpointFolder, name);
  const { quorum } = params;
  const parts = { exchange, run, ...extent, quorum, log, signal };
  const helpers = new ExchangeRounds({
    ...parts,
    silos: "foreign",
    score: scoresBySilos({ ...parts, folder: folder(".judged") }),
    folder: folder(".answers"),
    failed: Promise.withResolvers<never>().promise,
  });
  const result = await trainRounds({
    ...context,
    variant,
    settings: { ...settings, checkpointEverySteps },
    sources,
    engine,
    engineOptions: params.engine,
    helpers,
    replayed,
  });
  await tellSilos(exchange, params, sources, result, new TensorFiles(folder(".judged")));
  fillCheckpoint(outputs.last, result.last);
  fillCheckpoint(outputs.best, result.best);
  writeMetrics(outputs.metrics, result);
  return {
    silos: sources.map(({ name }) => name).join(", "),
    bestRound: result.bestRound,
    validationLossNats: result.bestLossNats,
    ...reproducibility(result, replayed),
    ...foundMicroBatch(params.microBatchSize, microBatchSize),
  };
}

/** What silos must know to train. How often it writes checkpoints, each party decides for itself. */
function settingsOf(
  { run: _, engine: __, variant: ___, quorum: ____, ...settings }: FederateParams,
  microBatchSize: number,
): PretrainSettings {
  return { ...settings, microBatchSize, checkpointEverySteps: "auto" };
}

/** The input that `export` and `generate` read with a model that has a table of all sources. */
function tokenizerOf({ vocabulary }: Variant): Record<string, OutputRef> {
  return vocabulary === "own" ? {} : { tokenizer: "vocabulary/global#tokenizer" };
}

/** The rounds that each source takes part in. */
function turnsOf(
  { sources, ...run }: {
    readonly variant: FederateParams["variant"];
    readonly settings: PretrainSettings;
    readonly sources: readonly DeclaredSource[];
  },
  seed: Context["seed"],
): Record<string, number[]> {
  const participants = new Participants({ ...run, sources });
  const turns: Record<string, number[]> = Object.fromEntries(
    sources.map(({ name }) => [name, []]),
  );
  for (let round = 1; round <= run.settings.rounds; round++) {
    for (const name of participants.ofRound(round, seed)) turns[name].push(round);
  }
  return turns;
}

/** Leaves the model for each silo, which takes it whenever it comes. */
async function tellSilos(
  exchange: LeaderExchange,
  { run, rounds }: FederateParams,
  sources: readonly DeclaredSource[],
  { last, best, bestRound, held }: PretrainResult,
  files: TensorFiles,
): Promise<void> {
  const round = rounds + 2;
  const put = async ({ groups }: FinishedModel) =>
    await exchange.put("shared", round, files.put(groups.model).path);
  const shared = { last: await put(last), best: await put(best) };
  for (const { name } of sources) {
    const heldIn = (at: "last" | "best") => held[at][name] ?? null;
    const head: FinishHead = {
      kind: "finish",
      run,
      round,
      source: name,
      last: { round: rounds, shared: shared.last, held: heldIn("last") },
      best: { round: bestRound, shared: shared.best, held: heldIn("best") },
      held: heldIn("last"),
    };
    await exchange.offer(head);
  }
}
