/**
 * Pre-training that goes on from a finished model with other sources: those that it had keep what they have, new ones join, and what
 * the others kept to themselves is dropped.
 *
 * A model names the sources that it was trained on, and where the windows of each go on (`sources` of its state). An import names
 * none: to it all sources are new.
 */
import { canonicalJson, type Json, sha256, StageError } from "../base/mod.ts";
import { type ModelConfig, networkDefaults } from "../model/mod.ts";
import type { Checkpoint, Tensors } from "./checkpoint.ts";
import { withContext } from "./external_model.ts";
import type { MetricsRow } from "./metrics_files.ts";
import { split } from "./outer_step.ts";
import type { Participants } from "./participants.ts";
import type { ModelShape, PretrainSettings } from "./settings.ts";
import { localPart, type RunSource, type SeedOf, sharedPart, withText } from "./source.ts";
import { tokenEmbedding, trainsBySource, type Variant } from "./variant.ts";

/** What a finished model says of a source that it was trained on. */
export type KnownSource = {
  /** Digest of its text as training saw it, of V_k too. */
  readonly text: string;
  /** Where its windows go on, and how many an epoch has; absent where batches are drawn from all sources. */
  readonly position?: Json;
  readonly epochWindows?: number;
};

/** A model of pre-training, or an import. */
export type StartingModel = Checkpoint<{
  readonly model: ModelConfig | Omit<ModelConfig, "vocabSize">;
  readonly sources?: Readonly<Record<string, KnownSource>>;
}>;

/** What a run takes of a model. */
export interface Start {
  readonly shared: Tensors;
  /** The `embedding.*` that sources begin with, where it is not cut from what is shared. */
  readonly locals: Readonly<Record<string, Tensors>>;
  readonly positions: Readonly<Record<string, Json>>;
  /** Sources of the run that the model had, had not, and sources that it had and the run has not. Sorted. */
  readonly stayed: readonly string[];
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

interface Run {
  readonly variant: Variant;
  readonly settings: Pick<PretrainSettings, "model">;
  readonly sources: readonly RunSource[];
  readonly participants: Participants;
  readonly seed: SeedOf;
}

/**
 * What a run takes of a model.
 * @throws StageError where the network is another one, the model lacks a table that the variant shares, or a source's own table belongs to
 * other text.
 */
export function startFrom(from: StartingModel, run: Run): Start {
  const { variant, sources, participants } = run;
  const isBySource = trainsBySource(variant);
  const model = modelOf(from, run);
  const isShared = model[tokenEmbedding] !== undefined;
  const known = from.state.sources ?? {};
  const locals: Record<string, Tensors> = {};
  const positions: Record<string, Json> = {};
  const joined: string[] = [];
  for (const source of sources) {
    const { name } = source;
    const isKnown = Object.hasOwn(known, name);
    const isSameText = isKnown && known[name].text === textOf(withText(source));
    const own = isKnown && isShared === variant.sharesEmbeddings
      ? from.groups[`local-${name}`]
      : undefined;
    if (own !== undefined && !isSameText && !variant.sharesEmbeddings) throw otherText(name);
    const local = own ?? firstTable(variant, model, participants, name);
    if (local !== undefined) locals[name] = local;
    const hasTable = variant.sharesEmbeddings || local !== undefined;
    if (!isKnown || !hasTable) joined.push(name);
    if (!isBySource || !isSameText || known[name].position === undefined) continue;
    if (known[name].epochWindows === epochWindowsOf(run, name)) {
      positions[name] = known[name].position;
    }
  }
  const names = sources.map(({ name }) => name);
  return {
    shared: sharedPart(variant, model),
    locals,
    positions,
    stayed: names.filter((name) => !joined.includes(name)).sort(),
    joined: joined.sort(),
    left: Object.keys(known).filter((name) => !names.includes(name)).sort(),
  };
}

/** The row of metrics that says who came and went. */
export function startRow({ stayed, joined, left }: Start): MetricsRow {
  return { kind: "start", stayed, joined, left };
}

/** What a finished model says of the sources of its run. */
export function knownSources(
  run: Omit<Run, "settings">,
  positions: Readonly<Record<string, Json>>,
): Readonly<Record<string, KnownSource>> {
  if (run.variant.isUntrained) return {};
  const isBySource = trainsBySource(run.variant);
  return Object.fromEntries(
    run.sources.filter(({ name }) => !isBySource || positions[name] !== undefined)
      .map((source): [string, KnownSource] => {
        const { name } = source;
        const text = textOf(withText(source));
        if (!isBySource) return [name, { text }];
        const epochWindows = epochWindowsOf(run, name);
        return [name, { text, position: positions[name], epochWindows }];
      }),
  );
}

/** The parameters of a model under the network of a run. */
function modelOf(from: StartingModel, { variant, settings, sources }: Run): Tensors {
  const why = whyOtherNetwork(from.state.model, settings.model);
  if (why !== undefined) throw new StageError(why);
  const { groups: { model } } = from;
  const table = model[tokenEmbedding];
  if (table === undefined) {
    if (!variant.sharesEmbeddings) return model;
    throw new StageError(
      `Cannot go on with ${variant.id} from the model of pretrain.from: expected a table of all sources, found one for each source`,
    );
  }
  const [rows] = table.shape;
  const { vocabSize } = sources[0].train;
  if (variant.vocabulary === "global" && rows !== vocabSize) {
    throw new StageError(
      `Cannot go on from the model of pretrain.from: expected a table of the recipe's ${vocabSize} pieces, found ${rows} rows; ` +
        "the model was trained with another tokenizer",
    );
  }
  return withContext(
    from as Checkpoint<{ readonly model: ModelConfig }>,
    settings.model.seqLen,
  ).tensors;
}

/**
 * Why a run cannot go on from a model of this network, else undefined. Its vocabulary is not asked for, nor how long windows are, which
 * only a table of positions limits.
 */
export function whyOtherNetwork(
  found: StartingModel["state"]["model"],
  asked: ModelShape,
): string | undefined {
  const [theirs, ours] = [found, asked].map((model) =>
    new Map<string, unknown>(Object.entries({ ...networkDefaults, ...model }))
  );
  const isTold = (key: string) =>
    key !== "seqLen" && (asked.positions === "rotary" || !key.startsWith("rotary"));
  const differing = [...ours.keys()]
    .filter((key) => isTold(key) && theirs.get(key) !== ours.get(key)).sort();
  if (differing.length === 0) return undefined;
  const text = (model: typeof ours) =>
    differing.map((key) => `${key} ${model.get(key)}`).join(", ");
  return `Cannot go on from the model of pretrain.from: expected the recipe's network (${
    text(ours)
  }), found ${text(theirs)}; set model as that model has it`;
}

/** A source's own table from the rows of one that all share, where both are of one tokenizer. */
function firstTable(
  variant: Variant,
  model: Tensors,
  participants: Participants,
  name: string,
): Tensors | undefined {
  const { sharesEmbeddings, vocabulary } = variant;
  if (sharesEmbeddings || vocabulary === "own" || model[tokenEmbedding] === undefined) {
    return undefined;
  }
  const whole = { ...variant, sharesEmbeddings: true };
  return localPart(variant, split(whole, model, participants.vocabularyOf(name)));
}

/** Digest of a source's text as training sees it: it changes with the text, and with the tokenizer. */
function textOf({ train, localVocabulary }: ReturnType<typeof withText>): string {
  const { vocabSize, tokens, documents, bytes } = train;
  return sha256(canonicalJson({
    vocabSize,
    tokens,
    documents,
    bytes,
    localVocabulary: [...localVocabulary],
  }));
}

function epochWindowsOf(
  { participants, seed }: Pick<Run, "participants" | "seed">,
  name: string,
): number {
  return participants.windowsOf(name, seed).exposure[0].epochWindows;
}

function otherText(name: string): StageError {
  return new StageError(
    `Cannot go on with the table of source "${name}": expected the text and tokenizer that it was trained on, found others; ` +
      "give the source another name, and it joins as a new one",
  );
}
