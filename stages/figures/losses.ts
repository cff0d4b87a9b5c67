/**
 * Bits per byte of validation text along pre-training: a panel for the mean over all sources and for each source, a line for each
 * variant.
 */
import { group } from "../../pipeline/stage.ts";
import { pretrainBudget, variantNamed } from "../../training/mod.ts";
import { meanOf } from "../report/cells.ts";
import { metricsInputs } from "../report/kind.ts";
import { metricsOf, type RoundRow } from "../report/run_metrics.ts";
import {
  type BitsPerByte,
  bitsPerByteOf,
  validationInputs,
  type Vocabulary,
} from "../report/validation_bits.ts";
import { sourcesOf } from "../sources.ts";
import type { FigureKind, Point, Series } from "./figure.ts";

interface LossesParams {
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

export const kind: FigureKind<LossesParams> = {
  names: ["losses"],
  declare(recipe) {
    const { pretrain, model } = recipe;
    const variants = pretrain.variants.flatMap((id): TrainedVariant[] => {
      const { training } = variantNamed(id);
      if (training.isUntrained) return [];
      const { tokens } = pretrainBudget(training, { ...pretrain, model });
      return [{ id, vocabulary: training.vocabulary, tokens }];
    });
    const sources = sourcesOf(recipe);
    return {
      inputs: {
        ...metricsInputs(variants.map(({ id }) => id)),
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
    const shown = sources.slice(0, mostSources);
    const panel = (title: string, of: readonly string[]) => ({
      title,
      y: "bits per byte",
      isLogarithmic: false,
      series: runs.map((run) => seriesOf(run, of)),
    });
    return {
      name: "losses",
      title: "Validation loss along pre-training",
      x: "million tokens read",
      panels: [
        ...(sources.length > 1 ? [panel("mean over sources", sources)] : []),
        ...shown.map((source) => panel(source, [source])),
      ],
      notes: [
        "bits per byte of the source's own validation text; a point at the end of each round",
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

/** A point for each round that validated all of these sources. */
function seriesOf({ id, tokens, rounds, bits }: ReadRun, sources: readonly string[]): Series {
  const points = rounds.flatMap(({ validation }, i): Point[] => {
    if (sources.some((source) => validation[source] === undefined)) return [];
    const y = meanOf(sources.map((source) => bits(source, validation[source].lossNats)));
    return [{ x: tokens * (i + 1) / rounds.length / 1e6, y }];
  });
  return { label: id, points, from: [`metrics/${id}`] };
}
