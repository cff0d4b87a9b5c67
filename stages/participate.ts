/**
 * Trains a source at home for a run that another party leads: what it holds, its text, its own tables and Adam's state, never leaves.
 *
 * in   train/<source>, validation/<source>, statistics/<source>   as for `pretrain`, of one source
 * out  last, best   checkpoints: `model` is what the run shares, `local-<source>` the source's own table
 *
 * Source: DEPT Algorithm 1, lines 4 to 8, §2.4.
 */
import { join } from "node:path";
import { canonicalJson, messageOf, StageError, writeFileSynced } from "../base/mod.ts";
import { engineModule } from "../engine/mod.ts";
import type { ObjectRef, SiloExchange, TakenTask } from "../exchange/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  fillCheckpoint,
  finishedModel,
  HeldStates,
  LocalTrainer,
  Participants,
  participantSeeds,
  pretrainSeeds,
  type RoundRecord,
  TensorFiles,
  type TrainingSource,
  type Variant,
} from "../training/mod.ts";
import { openSiloAt } from "./exchange_place.ts";
import {
  type Declaration,
  type DeclarationAnswer,
  declarationOf,
  type FinishHead,
  type JoinHead,
  readKeys,
  type RunRecord,
} from "./federation.ts";
import { meeting, type PartyHints, partyInstances, placeOf } from "./party.ts";
import { pretrainParams } from "./pretrain.ts";
import { type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import { isRefusal, SiloTasks, type TrainHead } from "./silo_tasks.ts";
import { checkTrainingText } from "./text_checks.ts";
import { plannedMicroBatch, trainingForecast } from "./training_cost.ts";
import { type EngineModules, tokenShards, withTraining } from "./training_inputs.ts";

interface ParticipateParams {
  /** The name of the run in its exchange. */
  readonly run: string;
  readonly variant: Variant;
  readonly seqLen: number;
  readonly continuationShare: number;
  readonly engine: EngineParams;
}

type Context = StageContext<ParticipateParams, PartyHints, EngineModules>;

export const participate: Stage<Recipe, ParticipateParams, PartyHints, EngineModules> = {
  name: "participate",
  description: "Trains a source at home for a run of several parties: command `silo --invitation`",
  module: import.meta.url,
  instances: (recipe) => typeof recipe.federation?.as === "string" ? partyInstances(recipe) : [],
  check({ params: { seqLen, continuationShare } }, inputs) {
    checkTrainingText(inputs, seqLen, continuationShare);
  },
  share: meeting,
  declare(recipe, [id]) {
    const { run, folder, as } = recipe.federation!;
    const { rounds, localSteps, batchSize, checkpointEverySteps } = recipe.pretrain;
    const { variant, model, engine, continuationShare, ...settings } = pretrainParams(recipe, id);
    const microBatchSize = plannedMicroBatch(recipe, settings);
    const tokens = rounds * localSteps * batchSize * model.seqLen;
    return {
      inputs: tokenShards(["train", "validation", "statistics"], [as!], variant.vocabulary),
      outputs: ["last", "best"],
      params: { run, variant, seqLen: model.seqLen, continuationShare, engine },
      hints: { checkpointEverySteps, folder },
      seeds: pretrainSeeds,
      uses: { engine: engineModule(engine.kind) },
      isNative: hasNativeEngine(recipe),
      access: { folders: [folder], environment: [] },
      claims: { threads: engine.threads },
      forecast: trainingForecast(recipe, { tokens, models: 2, microBatchSize }),
    };
  },
};

export async function run(context: Context): Promise<StageSummary> {
  const { params, hints, log, signal } = context;
  const place = placeOf(hints.exchange, context.moduleUrls);
  const { privateKey, others } = readKeys(hints.folder);
  return await withTraining(context, async ({ sources: [source] }) => {
    const warn = (message: string) => log.warn(message);
    await using exchange = await openSiloAt(place, {
      run: params.run,
      privateKey,
      leaderKey: others.leader,
      worker: source.name,
      onRefused: warn,
      onTrouble: warn,
    });
    const home = new Home(context, source, exchange);
    log.info(`${source.name} is ready and waits for its leader`);
    for (;;) {
      const task = await exchange.take([source.name], signal);
      if (task === undefined) throw signal.reason;
      try {
        const summary = await home.answer(task);
        if (summary !== undefined) return summary;
      } catch (error) {
        if (!signal.aborted && await task.isLost()) {
          log.info(messageOf(task.lost.reason));
          continue;
        }
        await task.release();
        if (signal.aborted || !isRefusal(error)) throw error;
        log.warn(`${messageOf(error)}; it tries again in a minute`);
        await task.decline({ reason: messageOf(error) });
      }
    }
  });
}

/** What a silo has in hand. */
class Home {
  readonly #context: Context;
  readonly #source: TrainingSource;
  readonly #exchange: SiloExchange;
  readonly #held: HeldStates;
  readonly #files: TensorFiles;
  #declared: Declaration | undefined;
  #record: Promise<RunRecord> | undefined;
  #tasks: SiloTasks | undefined;
  #current: TakenTask | undefined;
  #stepsBefore = 0;
  #totalSteps = 1;

  constructor(context: Context, source: TrainingSource, exchange: SiloExchange) {
    [this.#context, this.#source, this.#exchange] = [context, source, exchange];
    const { hints, checkpointFolder } = context;
    this.#held = new HeldStates(join(hints.folder, "held"));
    this.#files = new TensorFiles(join(checkpointFolder, ".crossing"));
  }

  /** Answers a task. Returns a summary where it says that the run is over. @throws StageError, RefusedError where it cannot */
  async answer(task: TakenTask): Promise<StageSummary | undefined> {
    const { log } = this.#context;
    const head = task.head as JoinHead | TrainHead | FinishHead;
    this.#current = task;
    if (head.kind === "finish") return await this.#finish(task, head);
    if (head.kind === "join") {
      await task.answer(await this.#declare(task));
      log.info(`${this.#source.name} has joined: its leader knows its size`);
      return undefined;
    }
    if (head.kind === "train") await this.#begin(head);
    await (this.#tasks ??= await this.#open()).answer(task);
    return undefined;
  }

  /** Notes where a training stands in the run, and forgets states that no run goes back to. */
  async #begin({ round, held, heldAtBest }: TrainHead): Promise<void> {
    this.#held.keepNamed(
      new Set([held, heldAtBest].filter((digest) => typeof digest === "string")),
    );
    const { turns, settings: { localSteps } } = await this.#settled();
    const own = turns[this.#source.name];
    this.#stepsBefore = own.indexOf(round) * localSteps;
    this.#totalSteps = own.length * localSteps;
    await this.#tellLeftOut(own[own.indexOf(round) - 1]);
  }

  /** Says why the source was left out of its turn before, if it was. */
  async #tellLeftOut(round: number | undefined): Promise<void> {
    if (round === undefined) return;
    const closed = await this.#exchange.closed(this.#context.params.run, round);
    const { leftOut = {} } = (closed ?? {}) as Partial<RoundRecord>;
    const reason = leftOut[this.#source.name];
    if (reason !== undefined) this.#context.log.warn(`left out of round ${round}`, { reason });
  }

  async #declare(task: TakenTask): Promise<DeclarationAnswer> {
    const { rows, ...declared } = this.#declaration();
    if (rows === null) return { declared, rows };
    const path = this.#files.newPath();
    writeFileSynced(path, canonicalJson(rows));
    return { declared, rows: await task.put(path) };
  }

  /** It is made once: it reads all tokens. */
  #declaration(): Declaration {
    const { params, inputs } = this.#context;
    const { name } = this.#source;
    const folders = [inputs[`train/${name}`], inputs[`validation/${name}`]];
    return this.#declared ??= declarationOf(params.variant, this.#source, folders);
  }

  /** What the leader has settled. @throws StageError where this silo cannot train by it */
  async #settled(): Promise<RunRecord> {
    return await (this.#record ??= this.#readRecord());
  }

  async #readRecord(): Promise<RunRecord> {
    const { params } = this.#context;
    const record = await this.#exchange.closed(params.run, 0) as RunRecord | undefined;
    if (record === undefined) {
      throw new StageError("Cannot train: expected the run's settings, found none");
    }
    const textOf = (variant: string, engine: EngineParams) =>
      `${variant} by engine ${canonicalJson(engine)}`;
    const expected = textOf(record.variant, record.engine);
    const found = textOf(params.variant.id, params.engine);
    if (expected !== found) {
      throw new StageError(`Cannot train: expected ${expected}, as the run has it, found ${found}`);
    }
    if (record.texts[this.#source.name] === this.#declaration().text) return record;
    throw new StageError(
      "Cannot train: expected the text and tokenizer that this silo has declared, found others; go back to them",
    );
  }

  async #open(): Promise<SiloTasks> {
    const { params, hints, modules, seed, checkpointFolder, log, signal } = this.#context;
    const { settings, engine } = await this.#settled();
    const { variant } = params;
    const seeds = participantSeeds(variant, [this.#source.name], seed);
    const trainer = new LocalTrainer({
      variant,
      settings: { ...settings, checkpointEverySteps: hints.checkpointEverySteps },
      engine: modules.engine.engine,
      engineOptions: engine,
      sources: [this.#source],
      seed: (name) => seeds[name],
      held: this.#held,
      judges: true,
      checkpointFolder,
      log: {
        info: (...message) => log.info(...message),
        warn: (...message) => log.warn(...message),
        progress: (state) => {
          this.#current?.note({ steps: state.done, lossNats: state.lossNats ?? null });
          const { source, round } = this.#current!.head;
          log.progress({
            ...state,
            done: this.#stepsBefore + state.done,
            total: this.#totalSteps,
            note: `round ${round} of ${settings.rounds}, source ${source}`,
          });
        },
      },
      signal,
    });
    return new SiloTasks(trainer, join(checkpointFolder, ".tasks"));
  }

  async #finish(task: TakenTask, { last, best, held }: FinishHead): Promise<StageSummary> {
    const { params: { variant }, seed, outputs } = this.#context;
    const { settings } = await this.#settled();
    const sources = [this.#source];
    const participants = new Participants({ variant, settings, sources });
    const basis = { variant, settings, sources, seed, participants, held: this.#held };
    const own = (digest: string | null) => digest === null ? {} : { [this.#source.name]: digest };
    for (const [output, model] of Object.entries({ last, best })) {
      const shared = await this.#get(task, model.shared);
      const { round } = model;
      const finished = finishedModel(basis, { round, shared, held: own(model.held) }, own(held));
      fillCheckpoint(outputs[output], finished);
    }
    await task.release(); // unanswered: until this is published, it is found again
    return { source: this.#source.name, bestRound: best.round };
  }

  async #get(task: TakenTask, ref: ObjectRef) {
    const path = this.#files.newPath();
    await task.get(ref, path);
    return this.#files.take(path);
  }
}
