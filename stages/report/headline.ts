/**
 * What a run has learnt, in a few sentences: the best model, whether it differs from the one that it is compared with by more than
 * noise, and which models end worse than counts of tokens.
 */
import { UsageError } from "../../base/mod.ts";
import type { OutputRef } from "../../pipeline/stage.ts";
import {
  bitsPerByte,
  differenceInterval,
  type DocumentsBySource,
  meanMeasure,
  resampledMean,
} from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import type { Recipe } from "../recipe.ts";
import { meanOf } from "./cells.ts";
import { type DifferenceParams, kind as differences } from "./differences.ts";
import type { Inputs } from "./kind.ts";
import { afterWhat, readDocuments, readSummary } from "./losses.ts";

/** The folder of a result; undefined where the store does not have it. */
export type FolderOf = (ref: OutputRef) => Promise<string | undefined>;

/** The models of a run that are evaluated, and the counts of tokens beside them, by label. */
interface Evaluated {
  readonly params: DifferenceParams;
  readonly inputs: Inputs;
  readonly folders: ReadonlyMap<string, string>;
}

/** What a run has learnt. */
export interface Headline {
  /** Without a full stop, the most important one first. */
  readonly sentences: readonly string[];
  /** What the evaluation of the best model has made. */
  readonly best: OutputRef;
}

/** About the models that a run ends with: continued ones, else those of pre-training. Undefined where none is evaluated. */
export async function headline(
  recipe: Recipe,
  folderOf: FolderOf,
): Promise<Headline | undefined> {
  for (const start of ["random", "pretrained", pretrainingEnd]) {
    const found = await evaluated(recipe, start, folderOf);
    if (found === undefined) continue;
    const models = modelsOf(found);
    if (models.length === 0) continue;
    return {
      sentences: [bestSentence(found, models), ...countedSentences(found, models)],
      best: found.inputs[`losses/${models[0].label}`],
    };
  }
  return undefined;
}

/** Undefined where the recipe makes no such models. */
async function evaluated(
  recipe: Recipe,
  start: string,
  folderOf: FolderOf,
): Promise<Evaluated | undefined> {
  try {
    const { inputs, params } = differences.declare(recipe, `differences-${start}`);
    const folders = new Map<string, string>();
    for (const [name, ref] of Object.entries(inputs)) {
      const folder = await folderOf(ref);
      if (folder !== undefined) folders.set(name.slice("losses/".length), folder);
    }
    return { params, inputs, folders };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

interface Model {
  readonly label: string;
  /** Bits per byte, mean over the sources. */
  readonly bits: number;
  readonly documents: DocumentsBySource;
}

/** Those that have something to say of every source, the best first. */
function modelsOf(found: Evaluated): readonly Model[] {
  const { variants, external } = found.params;
  return [...variants, ...external].flatMap((label) => modelOf(found, label) ?? [])
    .sort((a, b) => a.bits - b.bits);
}

function modelOf({ params, folders }: Evaluated, label: string): Model | undefined {
  const folder = folders.get(label);
  if (folder === undefined) return undefined;
  const documents = readDocuments(folder);
  const bits = meanMeasure([documents], params.sources, bitsPerByte);
  return bits === undefined ? undefined : { label, bits, documents };
}

/** `trim predicts test text best: 2.310 bits per byte (…), 0.120 less than std-t0 (95 % interval 0.100 to 0.140)` */
function bestSentence({ params }: Evaluated, models: readonly Model[]): string {
  const { sources, reference } = params;
  const [best, ...others] = models;
  const means = sources.length === 1 ? sources[0] : `mean of ${sources.length} sources`;
  const start = `${best.label} predicts test text best: ${best.bits.toFixed(3)} bits per byte ` +
    `(${means}, ${afterWhat(params)})`;
  const other = others.find(({ label }) => label === reference) ?? others[0];
  if (other === undefined) return start;
  const [low, high] = pairedInterval(other, best, sources);
  const interval = `95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`;
  return low > 0
    ? `${start}, ${(other.bits - best.bits).toFixed(3)} less than ${other.label} (${interval})`
    : `${start}, no less than ${other.label} beyond noise ` +
      `(difference ${(other.bits - best.bits).toFixed(3)}, ${interval})`;
}

function pairedInterval(of: Model, less: Model, sources: readonly string[]) {
  const [ours, theirs] = [of, less].map(({ documents }) =>
    resampledMean([documents], sources, bitsPerByte)!
  );
  return differenceInterval(ours, theirs);
}

/** Counts of tokens that a model should be better than, the weakest first, and what one that is not has missed. */
const counts = [
  ["unigram", "counts of single tokens", "learnt next to nothing"],
  ["bigram", "counts of pairs of tokens", "learnt less than a table of pairs knows"],
] as const;

/** Which models end worse than counts; if none does, than which counts all are better. */
function countedSentences(found: Evaluated, models: readonly Model[]): string[] {
  const sentences: string[] = [];
  let left = models;
  let beaten: string | undefined;
  for (const [name, what, means] of counts) {
    const isWorse = worseThan(found, name);
    if (isWorse === undefined) continue;
    const { bits, holds } = isWorse;
    const worse = left.filter(holds).map(({ label }) => label);
    left = left.filter(({ label }) => !worse.includes(label));
    if (worse.length > 0) {
      sentences.push(
        `${worse.join(", ")} ${worse.length === 1 ? "ends" : "end"} worse than ${what} ` +
          `(${name}, ${bits.toFixed(3)} bits per byte): ${
            worse.length === 1 ? "it has" : "they have"
          } ${means}; ` +
          `more rounds or steps, or another rate, may help`,
      );
    } else if (left.length > 0) beaten = `${what} (${name}, ${bits.toFixed(3)} bits per byte)`;
  }
  if (sentences.length > 0 || beaten === undefined) return sentences;
  return [`${models.length === 1 ? "it is" : "all models are"} better than ${beaten}`];
}

/**
 * Whether a model is worse than counts of each source's own training tokens: with a paired interval above 0 where the counts are
 * evaluated; the unigram model is known without that, from the evaluation of each model. Undefined where nothing tells.
 */
function worseThan(found: Evaluated, name: string) {
  const { sources } = found.params;
  const counted = modelOf(found, name);
  if (counted !== undefined) {
    const holds = (model: Model) => pairedInterval(model, counted, sources)[0] > 0;
    return { bits: counted.bits, holds };
  }
  if (name !== "unigram") return undefined;
  const bitsOf = ({ label }: Model) => unigramBits(found, label);
  const [first] = modelsOf(found);
  return { bits: bitsOf(first), holds: (model: Model) => model.bits > bitsOf(model) };
}

/** The unigram model's bits per byte on the tokens of a model's evaluation, mean over the sources. */
function unigramBits({ params: { sources }, folders }: Evaluated, label: string): number {
  const summary = readSummary(folders.get(label)!);
  return meanOf(sources.map((source) => {
    const { unigramNats, bytes } = summary[source];
    return unigramNats / Math.LN2 / bytes;
  }));
}
