/**
 * How often each variant read the text of each source, as its streams counted: rounds, tokens and epochs.
 */
import { group } from "../../pipeline/stage.ts";
import { variantNamed } from "../../training/mod.ts";
import { continuedModels } from "../continue.ts";
import type { Recipe } from "../recipe.ts";
import { sourcesOf } from "../sources.ts";
import { cellOf, decimals, whole } from "./cells.ts";
import { inputsOf, metricsInputs, type TableKind } from "./kind.ts";
import { metricsOf } from "./run_metrics.ts";
import type { Row, Table } from "./table.ts";

interface ExposureParams {
  readonly variants: readonly string[];
  readonly sources: readonly string[];
  readonly seqLen: number;
  /** Share of each source's windows that is kept for continuation. */
  readonly share: number;
  /** Epochs above which a note warns, in each block of epochs. */
  readonly thresholds: { readonly metrics: number; readonly continued: number };
}

/** What a run of a variant has written of its reading. */
interface ReadRun {
  readonly variant: string;
  /** Of its metrics. */
  readonly folder: string;
  readonly seqLen: number;
}

/** What a block of rows shows, in the order of the table. */
interface Block {
  readonly heading: string;
  /** Group of its inputs. */
  readonly of: "metrics" | "continued";
  readonly value: (run: ReadRun, source: string) => number | null;
  readonly text: (value: number) => string;
  /** Its values are epochs, of which a note warns. */
  readonly isEpochs?: true;
}

const blocks: readonly Block[] = [
  { heading: "epochs", of: "metrics", value: epochsOf, text: decimals(2), isEpochs: true },
  {
    heading: "epochs of continuation",
    of: "continued",
    value: epochsOf,
    text: decimals(2),
    isEpochs: true,
  },
  { heading: "rounds", of: "metrics", value: roundsOf, text: whole },
  { heading: "tokens", of: "metrics", value: tokensOf, text: whole },
  { heading: "tokens of continuation", of: "continued", value: tokensOf, text: whole },
];

export const kind: TableKind<ExposureParams> = {
  names: ["exposure"],
  declare(recipe) {
    const { pretrain, model: { seqLen } } = recipe;
    const { variants } = pretrain;
    // From either start the same windows are read.
    const starts = new Map(continuedModels(recipe).toReversed());
    return {
      inputs: {
        ...metricsInputs(variants),
        ...inputsOf(
          "continued",
          [...starts.keys()].toReversed(),
          (id) => `continue/${id}/${starts.get(id)}#metrics`,
        ),
      },
      params: {
        variants,
        sources: sourcesOf(recipe),
        seqLen,
        share: recipe.continue.share,
        thresholds: thresholdsOf(recipe),
      },
    };
  },
  build(params, inputs): Table {
    const shown = blocks.map((block) => ({ block, rows: rowsOf(block, params, inputs) }));
    return {
      name: "exposure",
      title: "How often the text of each source was read",
      columns: ["", "of", ...params.sources],
      rows: shown.flatMap(({ rows }) => rows),
      notes: [
        "counted by the streams of windows; without a further word of pre-training, all its rounds and all who train in them",
        params.share === 0
          ? "epochs: windows that were read over all windows; continuation reads again what pre-training read"
          : `epochs: windows that were read over those that may be; continuation has ${params.share} of them for itself`,
        "rounds: those that drew the source; a mixture draws sources for each sequence and has none",
        ...ownTokenizers(params),
        ...shown.flatMap(({ block, rows }) => repeated(block, rows, params)),
      ],
    };
  },
};

function thresholdsOf(recipe: Recipe): ExposureParams["thresholds"] {
  return {
    metrics: recipe.pretrain.warnings.epochs,
    continued: recipe.continue.warnings.epochs,
  };
}

function rowsOf(
  { heading, of, value, text }: Block,
  params: ExposureParams,
  inputs: Readonly<Record<string, string>>,
): Row[] {
  const folders = group(inputs, of);
  return params.variants.filter((id) => folders.has(id)).map((id) => ({
    label: id,
    from: [`${of}/${id}`],
    cells: [
      { value: heading },
      ...params.sources.map((source) =>
        cellOf(
          value({ variant: id, folder: folders.get(id)!, seqLen: params.seqLen }, source),
          text,
        )
      ),
    ],
  }));
}

/** 0 for a source of which a run has read nothing. */
function epochsOf({ folder }: ReadRun, source: string): number {
  const read = metricsOf(folder, "exposure").find((row) => row.source === source);
  return read === undefined ? 0 : read.windows / read.epochWindows;
}

function tokensOf({ folder, seqLen }: ReadRun, source: string): number {
  const read = metricsOf(folder, "exposure").find((row) => row.source === source);
  return (read?.windows ?? 0) * seqLen;
}

/** Null for a run whose participants are no sources. */
function roundsOf({ variant, folder }: ReadRun, source: string): number | null {
  const { mixture, workers } = variantNamed(variant).training;
  if (mixture || workers) return null;
  return metricsOf(folder, "local").filter((row) => row.source === source).length;
}

/** Where the windows of pre-training are cut from other tokens, none can be kept for continuation. */
function ownTokenizers({ variants, share }: ExposureParams): string[] {
  const own = variants.filter((id) => variantNamed(id).training.vocabulary === "own");
  if (share === 0 || own.length === 0) return [];
  return [
    `${
      own.join(", ")
    }: windows are of its own tokens, so continuation reads text of which some was read before`,
  ];
}

function repeated(block: Block, rows: readonly Row[], params: ExposureParams): string[] {
  if (!block.isEpochs) return [];
  const threshold = params.thresholds[block.of];
  return rows.flatMap(({ label, cells: [, ...epochs] }) => {
    const often = params.sources.filter((_, k) => (epochs[k].value as number) > threshold);
    return often.length === 0
      ? []
      : [`more than ${threshold} ${block.heading}: ${label} on ${often.join(", ")}`];
  });
}
