/**
 * How fast each variant learns: validation text in bits per byte through pre-training, over the tokens that it has read.
 *
 * Beside the models stand counts of words (stage `ngrams`): a model above them knows less of a text than its counts say.
 */
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import { variantNamed } from "../../training/mod.ts";
import { pretrainingEnd } from "../external_models.ts";
import { ngramOrders } from "../ngrams.ts";
import { meanOf } from "../report/cells.ts";
import { metricsInputs } from "../report/kind.ts";
import { lossInputs, lossParams, readSummary } from "../report/losses.ts";
import { metricsOf, type RoundRow } from "../report/run_metrics.ts";
import { bitsPerByteOf, validationInputs, type Vocabulary } from "../report/validation_bits.ts";
import { sourcesOf } from "../sources.ts";
import type { FigureKind, Point } from "./figure.ts";

type Inputs = Readonly<Record<string, string>>;

interface LearningParams {
  readonly variants: readonly { readonly id: string; readonly vocabulary: Vocabulary }[];
  readonly sources: readonly string[];
  readonly seqLen: number;
}

/** Points of a line at most: validation reads few windows, so rounds are averaged. */
const mostPoints = 40;

export const kind: FigureKind<LearningParams> = {
  names: ["learning"],
  declare(recipe) {
    const sources = sourcesOf(recipe);
    const variants = recipe.pretrain.variants.flatMap((id) => {
      const { vocabulary, isUntrained } = variantNamed(id).training;
      return isUntrained ? [] : [{ id, vocabulary }];
    });
    if (variants.length === 0) {
      throw new UsageError(
        `Cannot draw figure "learning": expected a variant that is trained among pretrain.variants, found ${
          recipe.pretrain.variants.join(", ")
        }`,
      );
    }
    const counted = lossParams(recipe, pretrainingEnd, Object.keys(ngramOrders));
    return {
      inputs: {
        ...metricsInputs(variants.map(({ id }) => id)),
        ...lossInputs({ ...counted, variants: [], external: [] }),
        ...validationInputs(sources, variants.map(({ vocabulary }) => vocabulary)),
      },
      params: { variants, sources, seqLen: recipe.model.seqLen },
    };
  },
  build({ variants, sources, seqLen }, inputs) {
    const metrics = group(inputs, "metrics");
    const lines = variants.map(({ id, vocabulary }) => ({
      label: id,
      points: pointsOf(metrics.get(id)!, bitsOf(inputs, vocabulary), seqLen),
      from: [`metrics/${id}`],
    }));
    const places = lines.flatMap(({ points }) => points.map(({ x }) => x));
    const [first, last] = [Math.min(...places), Math.max(...places)];
    const counts = [...group(inputs, "losses")].map(([label, folder]) => {
      const summary = readSummary(folder);
      const y = meanOf(sources.map((source) => summary[source].bitsPerByte));
      return {
        label,
        points: [{ x: first, y }, { x: last, y }],
        from: [`losses/${label}`],
        isReference: true as const,
      };
    });
    return {
      name: "learning",
      title: "Validation text through pre-training",
      x: "tokens read, in millions",
      panels: [{
        title: `mean over ${sources.join(", ")}`,
        y: "bits per byte",
        isLogarithmic: false,
        series: [...counts, ...lines],
      }],
      notes: [
        `each point is a mean over rounds, at most ${mostPoints} points a line; counted words: of test text`,
        "a shared table predicts among the whole vocabulary; a source's own one (SPEC) among its pieces",
      ],
    };
  },
};

/** Bits per byte of a round, as a mean over sources. */
function bitsOf(inputs: Inputs, vocabulary: Vocabulary): (row: RoundRow) => number {
  const bits = bitsPerByteOf(group(inputs, vocabulary));
  return ({ validation }) =>
    meanOf(Object.entries(validation).map(([source, { lossNats }]) => bits(source, lossNats)));
}

/** A line: rounds in which all sources were validated, in at most `mostPoints` means over equal parts of the run. */
function pointsOf(folder: string, bits: (row: RoundRow) => number, seqLen: number): Point[] {
  const rounds = metricsOf(folder, "round");
  const windows = metricsOf(folder, "exposure").reduce((sum, row) => sum + row.windows, 0);
  const millions = windows * seqLen / rounds.length / 1e6; // of a round
  const width = Math.ceil(rounds.length / mostPoints);
  const sources = Math.max(...rounds.map(({ validation }) => Object.keys(validation).length));
  return Array.from({ length: Math.ceil(rounds.length / width) }, (_, part) => {
    const rows = rounds.slice(part * width, (part + 1) * width)
      .filter(({ validation }) => Object.keys(validation).length === sources);
    return rows.length === 0
      ? []
      : [{ x: meanOf(rows.map(({ round }) => round)) * millions, y: meanOf(rows.map(bits)) }];
  }).flat();
}
