/**
 * A trained model from the store, with the tokenizer that its table belongs to.
 */
import { localVocabulary, readStatistics, type TaskDescription } from "../datasets/mod.ts";
import { type Engine, engineModule, type EngineOptions } from "../engine/mod.ts";
import type { ModelConfig } from "../model/mod.ts";
import type { Tokenizer } from "../tokenizers/mod.ts";
import {
  cutVocabulary,
  type LabelScale,
  readCheckpoint,
  type SourceVocabulary,
  type Tensors,
  tokenEmbedding,
  type Variant,
  wholeVocabulary,
} from "../training/mod.ts";
import { didYouMean, UsageError } from "../base/mod.ts";
import type { Instance } from "../pipeline/instances.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import type { TokenizerGuard } from "./own_process.ts";
import { openSession, type Session } from "./session.ts";
import { type PlanOptions, typedOptions } from "./plan_options.ts";
import type { Project } from "./project.ts";

export interface TrainedModel {
  readonly config: ModelConfig;
  readonly tensors: Tensors;
  /** Disposing ends threads that a library has started. */
  readonly tokenizer: Tokenizer & Disposable;
  /** The folder of the tokenizer's files. */
  readonly tokenizerFolder: string;
  /** From the tokenizer's ids to rows of the table. */
  readonly vocabulary: SourceVocabulary;
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
}

/** What fine-tuning has kept of a head besides its weights. */
export interface HeadState extends TaskDescription, LabelScale {
  readonly task: string;
  readonly metric: string;
  readonly seqLen: number;
  readonly hasBias: boolean;
}

export interface TrainedModelOptions extends PlanOptions {
  /** Whose embedding and tokenizer, where each source has its own. */
  readonly source?: string;
  /** Of pre-training: `best` or `last`. */
  readonly checkpoint: string;
  /** Told of the tokenizer before anything is opened. */
  readonly guard?: TokenizerGuard;
}

/** The output that holds the model, by stage. */
const modelOutputs = {
  pretrain: ["best", "last"],
  participate: ["best", "last"],
  federate: ["best", "last"],
  continue: ["model"],
  external: ["model"],
} as const;

/** The stage whose models score texts, and its output that holds them. */
const tuning = { stage: "finetune", output: "model" } as const;

/** The models that an instance has made: one, or one of each source. */
export interface TrainedModels {
  readonly session: Session;
  readonly instance: Instance;
  readonly output: string;
  /** The record of the instance's result. */
  readonly manifest: Manifest;
  /** The sources that it was trained on. */
  readonly sources: readonly string[];
  /** Whether each source has an embedding of its own, so that there are as many models. */
  readonly isLocal: boolean;
  /** The head of a fine-tuned model. Its weights are among the model's tensors. */
  readonly head?: HeadState;
  /** The source whose table and tokenizer `--source` means; the first where all have the same. @throws UsageError */
  sourceOf(asked: string | undefined): string;
  /** @param source One of `sources` */
  open(source: string): Promise<TrainedModel>;
  /** How often each piece of its tokenizer occurs in a source's training text. @param source One of `sources` */
  countsOf(source: string): Promise<Float64Array>;
}

/** @throws UsageError for a target that is not a trained model, or that must be trained first */
export async function openTrainedModel(
  project: Project,
  target: string,
  options: TrainedModelOptions,
): Promise<TrainedModel> {
  const models = await openTrainedModels(project, target, options);
  return await models.open(models.sourceOf(options.source));
}

/** The same of all the models of a target; fine-tuned ones with `takesHeads`. @throws UsageError as `openTrainedModel` */
export async function openTrainedModels(
  project: Project,
  target: string,
  options: Omit<TrainedModelOptions, "source"> & { readonly takesHeads?: boolean },
): Promise<TrainedModels> {
  const session = await openSession(project, options, { create: false, targets: [target] });
  const instance = instanceOf(target, session, options);
  const isTuned = instance.stage.name === tuning.stage;
  const output = isTuned ? tuning.output : outputOf(instance, options.checkpoint);
  const trained = isTuned ? session.instances.get(instance.inputs.get("model")!.from)! : instance;
  const isLed = instance.stage.name === "federate";
  const [names, prefix] = isLed
    ? [Object.keys(instance.declaration.files), "declaration/"]
    : [[...trained.inputs.keys()], "train/"];
  const sources = names.filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
  if (isLed && !(instance.declaration.params as { variant: Variant }).variant.sharesEmbeddings) {
    throw new UsageError(
      `Cannot use the model of ${instance.id}: expected a table of all sources, found none: each silo has its own; ` +
        `it can use participate/${instance.parts.join("/")}`,
    );
  }
  const isImported = instance.stage.name === "external";
  const manifestOf = manifestsOf(session, options);
  const folder = async (id: string, output: string) =>
    await session.objects.require((await manifestOf(id)).outputs[output], id);
  const tokenized = (source: string) =>
    isImported || isTuned ? instance.id : instance.inputs.get(`train/${source}`)!.from;
  const tokenizerFolderOf = async (source: string) => {
    const made = isImported
      ? { from: instance.id, output: "tokenizer" }
      : isLed
      ? instance.inputs.get("tokenizer")!
      : session.instances.get(tokenized(source))!.inputs.get("tokenizer")!;
    return await folder(made.from, made.output);
  };
  const statisticsOf = async (source: string) => {
    if (!isLed) return readStatistics(await folder(tokenized(source), "statistics"));
    throw new UsageError(
      `Cannot count the pieces of "${source}": expected its text, which is with its silo`,
    );
  };
  // Those of others are the same for all sources.
  if (options.guard !== undefined) options.guard(await tokenizerFolderOf(sources[0]));
  const { groups, state: { model, head } } = readCheckpoint<
    { readonly model: Omit<ModelConfig, "vocabSize">; readonly head?: HeadState }
  >(await folder(instance.id, output));
  const isLocal = groups.model[tokenEmbedding] === undefined;
  // An import was made without an engine: it computes with the recipe's.
  const { engine: params, variant } = {
    ...session.recipe,
    ...instance.declaration.params,
  } as unknown as {
    engine: EngineOptions & { kind: string };
    variant: Variant; // an id where a model is continued, whose table is never a source's own
  };
  return {
    session,
    instance,
    output,
    manifest: await manifestOf(instance.id),
    sources,
    isLocal,
    ...(head === undefined ? {} : { head }),
    sourceOf: (asked) => sourceOf(target, sources, isLocal, asked),
    async open(source) {
      const { openAdopted } = await import("../tokenizers/adopted/mod.ts"); // opens ours too
      const tokenizerFolder = await tokenizerFolderOf(source);
      const tokenizer = await openAdopted(tokenizerFolder);
      const tensors = isLocal ? { ...groups.model, ...groups[`local-${source}`] } : groups.model;
      const vocabSize = tensors[tokenEmbedding].shape[0];
      const { engine } = await import(engineModule(params.kind)) as { engine: Engine };
      return {
        config: { ...model, vocabSize },
        tensors,
        tokenizer,
        tokenizerFolder,
        vocabulary: isLocal && variant.cutsVocabulary
          ? cutOf(await statisticsOf(source), tokenizer)
          : wholeVocabulary(tokenizer.vocabSize),
        engine,
        engineOptions: params,
      };
    },
    countsOf: async (source) => (await statisticsOf(source)).counts,
  };
}

/** The rows of a source's own table over the shared vocabulary: V_k. */
function cutOf(
  { counts, reservedPieces }: ReturnType<typeof readStatistics>,
  tokenizer: Tokenizer,
): SourceVocabulary {
  return cutVocabulary(localVocabulary(counts, reservedPieces), tokenizer.vocabSize);
}

/** Gives the records of results. It throws a UsageError for one that is not there, with the command that makes it. */
function manifestsOf(session: Session, options: PlanOptions) {
  return async (id: string): Promise<Manifest> => {
    const state = (await session.states([id])).get(id)!;
    if (state.status === "fresh") return state.manifest;
    throw new UsageError(
      `Cannot use the model of ${id}: it must be trained first; ` +
        `do: deno task pipeline run ${id}${typedOptions(options)}`,
    );
  };
}

function instanceOf(
  target: string,
  { instances, recipe }: Session,
  options: PlanOptions & { readonly takesHeads?: boolean },
): Instance {
  const known = [...instances.keys()].filter((id) => id.split("/")[0] in modelOutputs);
  const instance = instances.get(target);
  if (instance !== undefined && known.includes(target)) return instance;
  if (instance?.stage.name === tuning.stage) {
    const model = instance.inputs.get("model")!.from;
    if (!options.takesHeads) {
      throw new UsageError(
        `Cannot use "${target}" as a model: its head scores texts and writes none; use ${model}, which it began with`,
      );
    }
    if (instance.declaration.outputs.includes(tuning.output)) return instance;
    const keeping = { ...options, set: [...options.set ?? [], "finetune.keepsModel=true"] };
    throw new UsageError(
      `Cannot use "${target}" as a model: fine-tuning has kept scores and predictions, no weights; ` +
        `do: deno task pipeline run ${target}${
          typedOptions(keeping)
        }, or use ${model}, which it began with`,
    );
  }
  throw new UsageError(
    `Cannot use "${target}" as a model${didYouMean(target, known)}: expected one of ${
      known.slice(0, 12).join(", ") || "none"
    }${known.length > 12 ? ", …" : ""} (recipe "${recipe.name}")`,
  );
}

function outputOf({ id, stage }: Instance, checkpoint: string): string {
  const outputs: readonly string[] = modelOutputs[stage.name as keyof typeof modelOutputs];
  const known = modelOutputs.pretrain;
  if (!(known as readonly string[]).includes(checkpoint)) {
    throw new UsageError(
      `Cannot use checkpoint "${checkpoint}" of ${id}: expected one of ${known.join(", ")}`,
    );
  }
  // A continuation has one model, which is its last and its best.
  return outputs.length === 1 ? outputs[0] : checkpoint;
}

/** The source whose tokenizer is used; the first where all have the same. */
function sourceOf(
  target: string,
  sources: readonly string[],
  isNeeded: boolean,
  asked: string | undefined,
): string {
  if (asked !== undefined && sources.includes(asked)) return asked;
  if (asked === undefined && !isNeeded) return sources[0];
  const found = asked === undefined
    ? "no --source, and each source has an embedding of its own"
    : `--source "${asked}"${didYouMean(asked, sources)}`;
  throw new UsageError(
    `Cannot use the model of ${target}: expected --source to be one of ${
      sources.join(", ")
    }, found ${found}`,
  );
}
