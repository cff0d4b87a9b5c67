/**
 * What models predict, in sentences: DEPT against the baselines that read as many tokens, beyond noise or within it, and which models
 * end worse than counted words.
 */
import { UsageError } from "../../base/mod.ts";
import type { OutputRef } from "../../pipeline/stage.ts";
import {
  bitsPerByte,
  differenceInterval,
  type DocumentsBySource,
  findVariant,
  meanMeasure,
  resampledMean,
} from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import { ngramOrders } from "../ngrams.ts";
import type { Recipe } from "../recipe.ts";
import { signed } from "../report/format.ts";
import { comparisonsOf, type Rivals } from "../report/improvement.ts";
import type { Inputs } from "../report/kind.ts";
import {
  afterWhat,
  lossInputs,
  type LossParams,
  lossParams,
  readDocuments,
} from "../report/losses.ts";
import type { Origins, Statement } from "./page.ts";

/** Models that a sentence compares: those of one start. */
export interface ComparedModels {
  readonly start: string;
  readonly losses: LossParams;
  /** At equal tokens. */
  readonly rivals: Rivals;
}

/** The last models first: what a run ends with is what counts most. */
const starts = ["random", "pretrained", pretrainingEnd] as const;

export function comparedModels(
  recipe: Recipe,
): { readonly models: ComparedModels; readonly inputs: Inputs }[] {
  return starts.flatMap((start) => {
    try {
      const losses = lossParams(recipe, `differences-${start}`, Object.keys(ngramOrders));
      const inputs = Object.entries(lossInputs(losses))
        .map(([name, ref]) => [`${start}/${name}`, ref] as const);
      const rivals = comparisonsOf(recipe, losses.variants).equal;
      return [{ models: { start, losses, rivals }, inputs: Object.fromEntries(inputs) }];
    } catch (error) {
      if (error instanceof UsageError) return []; // the recipe continues nothing from this start
      throw error;
    }
  });
}

type Folders = Readonly<Record<string, string>>;

/** About those that are there. */
export function lossStatements(
  { start, losses, rivals }: ComparedModels,
  inputs: Folders,
  origins: Origins,
): Statement[] {
  const models = new Models(start, losses, inputs, origins);
  return [...rivalry(models, rivals), ...againstCounts(models)];
}

/** What the evaluation of the best model has made; undefined where none is evaluated. */
export function bestModel(
  { start, losses }: ComparedModels,
  inputs: Folders,
  origins: Origins,
): OutputRef | undefined {
  return new Models(start, losses, inputs, origins).bestOfAll()?.from;
}

/** A model's evaluation, and what it is made of. */
interface Model {
  readonly label: string;
  /** Bits per byte, mean over the sources. */
  readonly bits: number;
  readonly documents: DocumentsBySource;
  readonly from: OutputRef;
}

/** The evaluated models of one start, read when they are first asked for. */
class Models {
  readonly losses: LossParams;
  readonly #read = new Map<string, Model | undefined>();
  readonly #find: (label: string) => Model | undefined;

  constructor(
    start: string,
    losses: LossParams,
    inputs: Folders,
    origins: Origins,
  ) {
    this.losses = losses;
    this.#find = (label) => {
      const name = `${start}/losses/${label}`;
      if (inputs[name] === undefined) return undefined;
      const documents = readDocuments(inputs[name]);
      const bits = meanMeasure([documents], losses.sources, bitsPerByte);
      return bits === undefined ? undefined : { label, bits, documents, from: origins[name] };
    };
  }

  of(label: string): Model | undefined {
    if (!this.#read.has(label)) this.#read.set(label, this.#find(label));
    return this.#read.get(label);
  }

  /** The lowest of those that are there. */
  best(labels: readonly string[]): Model | undefined {
    return labels.flatMap((label) => this.of(label) ?? []).sort((a, b) => a.bits - b.bits)[0];
  }

  bestOfAll(): Model | undefined {
    return this.best([...this.losses.variants, ...this.losses.external]);
  }
}

/** The best of DEPT against the best baseline of as many tokens; without both sides, which model is best. */
function rivalry(models: Models, { dept, baselines }: Rivals): Statement[] {
  const { losses } = models;
  const after = sentenceStart(afterWhat(losses));
  const [ours, theirs] = [models.best(dept), models.best(baselines)];
  if (ours === undefined || theirs === undefined) {
    const best = models.bestOfAll();
    if (best === undefined) return [];
    const text = `${after}, ${best.label} predicts test text best: ${
      number(best.bits)
    } bits per byte.`;
    return [{ tone: "plain", text, from: [best.from] }];
  }
  const [low, high] = intervalOf(ours, theirs, losses.sources);
  const both = `${ours.label} (${number(ours.bits)} bits per byte)`;
  const other = `${theirs.label} (${
    number(theirs.bits)
  }), the best baseline that read as many tokens`;
  const difference = `${signed(ours.bits - theirs.bits)} bits per byte, 95 % interval ${
    signed(low)
  } to ${signed(high)}`;
  const from = [ours.from, theirs.from];
  const verdict: Statement = high < 0
    ? { tone: "good", text: `${after}, ${both} is better than ${other}: ${difference}.`, from }
    : low > 0
    ? { tone: "bad", text: `${after}, ${both} is worse than ${other}: ${difference}.`, from }
    : {
      tone: "plain",
      text: `${after}, ${both} cannot be told from ${other}: ${difference}, which includes 0.`,
      from,
    };
  return [verdict, ...bySource(ours, theirs, losses.sources)];
}

/** On how many sources the same two models differ beyond noise. */
function bySource(ours: Model, theirs: Model, sources: readonly string[]): Statement[] {
  if (sources.length < 2) return [];
  const intervals = sources.map((source) => [source, intervalOf(ours, theirs, [source])] as const);
  const better = intervals.filter(([, [, high]]) => high < 0).map(([source]) => source);
  const worse = intervals.filter(([, [low]]) => low > 0).map(([source]) => source);
  const named = (names: readonly string[]) =>
    names.length === 0 ? "" : names.length > 6 ? "" : ` (${names.join(", ")})`;
  return [{
    tone: "plain",
    text: `Source by source, ${ours.label} is better than ${theirs.label} beyond noise on ` +
      `${better.length} of ${sources.length}${named(better)}, worse on ${worse.length}${
        named(worse)
      }; the rest is noise.`,
    from: [ours.from, theirs.from],
  }];
}

/** Which models end worse than counts of single tokens, pairs and triples; if none does, that says so. */
function againstCounts(models: Models): Statement[] {
  const { losses } = models;
  const after = sentenceStart(afterWhat(losses));
  // What nobody has trained yet is worse than anything: that says nothing.
  const isTrained = (label: string) =>
    losses.start !== pretrainingEnd || findVariant(label)?.training.isUntrained !== true;
  const ends = [...losses.variants, ...losses.external].filter(isTrained)
    .flatMap((label) => models.of(label) ?? []);
  const found: Statement[] = [];
  let left = ends;
  let last: Model | undefined;
  for (const [name, what] of counted) {
    const counts = models.of(name);
    if (counts === undefined || left.length === 0) continue;
    last = counts;
    const worse = left.filter((model) => intervalOf(model, counts, losses.sources)[0] > 0);
    left = left.filter((model) => !worse.includes(model));
    if (worse.length === 0) continue;
    const labels = worse.map(({ label }) => label);
    found.push({
      tone: "bad",
      text: `${after}, ${labels.join(", ")} ${labels.length === 1 ? "is" : "are"} worse than ` +
        `counted ${what} (${name}, ${number(counts.bits)} bits per byte): ` +
        `more steps or rounds, or another rate, may help.`,
      from: [...worse, counts].map(({ from }) => from),
    });
  }
  if (found.length > 0 || last === undefined || ends.length === 0) return found;
  const [, what] = counted.find(([name]) => name === last.label)!;
  return [{
    tone: "good",
    text: `${after}, no model is worse than counted ${what} (${last.label}, ${
      number(last.bits)
    } bits per byte).`,
    from: [...ends, last].map(({ from }) => from),
  }];
}

/** The weakest first. */
const counted = [
  ["unigram", "words"],
  ["bigram", "pairs of words"],
  ["trigram", "triples of words"],
] as const;

function intervalOf(ours: Model, theirs: Model, sources: readonly string[]) {
  const samples = ({ documents }: Model) => resampledMean([documents], sources, bitsPerByte)!;
  return differenceInterval(samples(ours), samples(theirs));
}

function sentenceStart(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}

function number(value: number): string {
  return value.toFixed(3);
}
