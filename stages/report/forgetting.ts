/**
 * What each source loses and gains where others join or leave: its loss after a run that goes on from another model, less its loss
 * before, on the same documents. Over a study (`table/study-forgetting`) cells that differ in who comes stand below each other.
 */
import { group } from "../../pipeline/stage.ts";
import { settingsOf, trainsBySource, variantNamed } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { allSources } from "../sources.ts";
import { startLosses } from "../starting_model.ts";
import { cellOf, whole } from "./cells.ts";
import { differenceCell } from "./differences.ts";
import { type Inputs, inputsOf, metricsInputs, type TableKind } from "./kind.ts";
import { readDocuments, readSummary } from "./losses.ts";
import { metricsOf } from "./run_metrics.ts";
import type { Cell, Row, Table } from "./table.ts";

interface ForgettingParams {
  readonly variants: readonly string[];
  /** Whether the recipe goes on from another model. */
  readonly goesOn: boolean;
  readonly sources: readonly string[];
  readonly seqLen: number;
  readonly extent:
    & Pick<Recipe["pretrain"], "rounds" | "localSteps" | "sourcesPerRound" | "batchSize">
    & { readonly inner: { readonly warmupSteps: number } };
}

export const kind: TableKind<ForgettingParams> = {
  names: ["forgetting"],
  needs:
    "a study whose cells go on from another one (`study-forgetting` of study-joins), or pretrain.from",
  declare(recipe) {
    const { pretrain, model: { seqLen } } = recipe;
    const { variants, from, rounds, localSteps, sourcesPerRound, batchSize, inner } = pretrain;
    const before: Inputs = from === null
      ? {}
      : inputsOf("before", variants, (id) => startLosses(recipe, id));
    return {
      inputs: {
        ...inputsOf("losses", variants, (id) => `evaluate/${id}/pretraining#losses`),
        ...metricsInputs(variants),
        ...before,
      },
      params: {
        variants,
        goesOn: from !== null,
        sources: allSources(recipe),
        seqLen,
        extent: {
          rounds,
          localSteps,
          sourcesPerRound,
          batchSize,
          inner: { warmupSteps: inner.warmupSteps },
        },
      },
    };
  },
  build: (params, inputs): Table => ({
    name: "forgetting",
    title: "Bits per byte where sources join or leave",
    columns: ["", "tokens", "stayed", ...params.sources],
    rows: params.variants.flatMap((id) => rowsOf(params, inputs, id)),
    notes: [
      "less before: the same documents by the model that the run goes on from; below 0 is better; paired bootstrap over documents",
      "tokens: of this run, those included that a source reads while it trains its table alone; stayed: mean over sources in both",
      "a source without a table of its own is not evaluated where none is shared: before it joins, and after it has left",
      ...joiningNotes(params, inputs),
    ],
    mark: "* its interval excludes 0",
  }),
};

function rowsOf(
  { goesOn, sources, ...run }: ForgettingParams,
  inputs: Readonly<Record<string, string>>,
  id: string,
): Row[] {
  const losses = inputs[`losses/${id}`];
  const summary = readSummary(losses);
  const tokens = cellOf(tokensOf(run, id, inputs[`metrics/${id}`]), whole);
  const own: Row = {
    label: id,
    from: [`losses/${id}`, `metrics/${id}`],
    cells: [
      tokens,
      { value: null },
      ...sources.map((source): Cell => {
        if (!(source in summary)) return { value: null };
        const { bitsPerByte: value, bitsPerByteInterval: [low, high] } = summary[source];
        return { value, low, high };
      }),
    ],
  };
  if (!goesOn) return [own];
  const [after, before] = [losses, inputs[`before/${id}`]].map((folder) => [readDocuments(folder)]);
  const [{ stayed }] = metricsOf(inputs[`metrics/${id}`], "start");
  return [own, {
    label: `${id}, less before`,
    from: [`losses/${id}`, `before/${id}`],
    cells: [
      tokens,
      differenceCell(after, before, stayed),
      ...sources.map((source) => differenceCell(after, before, [source])),
    ],
  }];
}

/** Tokens that a run has read. */
function tokensOf(
  { extent, seqLen }: Pick<ForgettingParams, "extent" | "seqLen">,
  id: string,
  folder: string,
): number {
  const { batchSize } = settingsOf(variantNamed(id).training, extent);
  const rows = [...metricsOf(folder, "joining"), ...metricsOf(folder, "local")];
  const steps = rows.reduce((sum, row) => sum + (row.steps ?? 0), 0);
  return steps * batchSize * seqLen;
}

/** Variants in which no source has a table to train alone. */
function joiningNotes(
  { goesOn, variants }: ForgettingParams,
  inputs: Readonly<Record<string, string>>,
): string[] {
  if (!goesOn) return [];
  const folders = group(inputs, "metrics");
  const joins = (id: string) => metricsOf(folders.get(id)!, "start")[0].joined.length > 0;
  const atOnce = variants.filter((id) => !trainsBySource(variantNamed(id).training) && joins(id));
  if (atOnce.length === 0) return [];
  return [
    `${
      atOnce.join(", ")
    }: batches are drawn from all sources, none has a table to train alone: a source that joins does so at once`,
  ];
}
