/**
 * How fast each variant learns: bits per byte of validation text over the tokens that it has read, a panel for the mean over all
 * sources and for each source.
 *
 * Beside the models stand counts of words (stage `ngrams`): a model above them knows less of a text than its counts say.
 */
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { pretrainBudget, variantNamed } from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import { ngramOrders } from "../ngrams.ts";
import { meanOf } from "../report/cells.ts";
import { metricsInputs } from "../report/kind.ts";
import { lossInputs, lossParams, readSummary } from "../report/losses.ts";
import { metricsOf, type RoundRow } from "../report/run_metrics.ts";
import {
  type BitsPerByte,
  bitsPerByteOf,
  validationInputs,
  type Vocabulary,
} from "../report/validation_bits.ts";
import { sourcesOf } from "../sources.ts";
import type { FigureKind, Point, Series } from "./figure.ts";

interface LearningParams {
  readonly variants: readonly TrainedVariant[];
  readonly sources: readonly string[];
}

interface TrainedVariant {
  readonly id: string;
  readonly vocabulary: Vocabulary;
  readonly tokens: number;
}

/** A figure of more panels than these shows nothing any more. */
const mostSources = 11;

/** Points of a line at most: validation reads few windows, so rounds are averaged. */
const mostPoints = 40;

export const kind: FigureKind<LearningParams> = {
  names: ["learning"],
  declare(recipe) {
    const { pretrain, model } = recipe;
    const variants = pretrain.variants.flatMap((id): TrainedVariant[] => {
      const { training } = variantNamed(id);
      if (training.isUntrained) return [];
      const { tokens } = pretrainBudget(training, { ...pretrain, model });
      return [{ id, vocabulary: training.vocabulary, tokens }];
    });
    if (variants.length === 0) {
      throw new UsageError(
        `Cannot draw figure "learning": expected a variant that is trained among pretrain.variants, found ${
          pretrain.variants.join(", ")
        }`,
      );
    }
    const sources = sourcesOf(recipe);
    const counted = lossParams(recipe, pretrainingEnd, Object.keys(ngramOrders));
    return {
      inputs: {
        ...metricsInputs(variants.map(({ id }) => id)),
        ...lossInputs({ ...counted, variants: [], external: [] }),
        ...validationInputs(sources, variants.map(({ vocabulary }) => vocabulary)),
      },
      params: { variants, sources },
    };
  },
  /** Of the variants that are there: a run that goes on shows those that are done. */
  build({ variants, sources }, inputs) {
    const metrics = group(inputs, "metrics");
    const bits = new Map(
      (["global", "own"] as const).map((it) => [it, bitsPerByteOf(group(inputs, it))]),
    );
    const runs = variants.filter(({ id }) => metrics.has(id)).map((variant) => ({
      ...variant,
      rounds: metricsOf(metrics.get(variant.id)!, "round"),
      bits: bits.get(variant.vocabulary)!,
    }));
    const counts = [...group(inputs, "losses")]
      .map(([label, folder]) => ({ label, losses: readSummary(folder) }));
    const shown = sources.slice(0, mostSources);
    const panel = (title: string, of: readonly string[]) => {
      const lines = runs.map((run) => lineOf(run, of));
      const places = lines.flatMap(({ points }) => points.map(({ x }) => x));
      const ends = places.length === 0 ? [] : [Math.min(...places), Math.max(...places)];
      const levels = counts.map(({ label, losses }): Series => {
        const y = meanOf(of.map((source) => losses[source].bitsPerByte));
        return {
          label,
          points: ends.map((x) => ({ x, y })),
          from: [`losses/${label}`],
          isReference: true,
        };
      });
      return { title, y: "bits per byte", isLogarithmic: false, series: [...lines, ...levels] };
    };
    return {
      name: "learning",
      title: "Validation text through pre-training",
      x: "million tokens read",
      panels: [
        ...(sources.length > 1 ? [panel("mean over sources", sources)] : []),
        ...shown.map((source) => panel(source, [source])),
      ],
      notes: [
        `bits per byte of each source's validation text after a round; beyond ${mostPoints} rounds, means over several`,
        "counted words: of test text; a shared table predicts among the whole vocabulary, a source's own one (SPEC) among its pieces",
        ...(shown.length < sources.length
          ? [`panels of the first ${shown.length} of ${sources.length} sources`]
          : []),
      ],
    };
  },
};

interface ReadRun extends TrainedVariant {
  readonly rounds: readonly RoundRow[];
  readonly bits: BitsPerByte;
}

/** Of rounds that validated all of these sources: a point for each, or for equal parts of the run. */
function lineOf({ id, tokens, rounds, bits }: ReadRun, sources: readonly string[]): Series {
  const width = Math.ceil(rounds.length / mostPoints);
  const points = Array.from({ length: Math.ceil(rounds.length / width) }, (_, part): Point[] => {
    const rows = rounds.slice(part * width, (part + 1) * width)
      .filter(({ validation }) => sources.every((source) => validation[source] !== undefined));
    if (rows.length === 0) return [];
    const bitsIn = ({ validation }: RoundRow) =>
      meanOf(sources.map((source) => bits(source, validation[source].lossNats)));
    const x = tokens / 1e6 * meanOf(rows.map(({ round }) => round)) / rounds.length;
    return [{ x, y: meanOf(rows.map(bitsIn)) }];
  }).flat();
  return { label: id, points, from: [`metrics/${id}`] };
}
