/**
 * Models of single sources against DEPT: perplexity after the same continuation on all sources.
 *
 * Source: DEPT App. B.8 (Tables 14 to 17), of which only averages are known.
 */
import { UsageError } from "../../base/mod.ts";
import { variantNamed, variantTable } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { cellOf, decimals } from "./cells.ts";
import { rivalsOf } from "./improvement.ts";
import type { TableKind } from "./kind.ts";
import { lossColumns, lossInputs, type LossParams, lossParams, lossRows } from "./losses.ts";
import { pairedMark } from "./paired.ts";
import type { Cell, Row, Table } from "./table.ts";

interface IsolatedParams extends LossParams {
  readonly dept: readonly string[];
}

export const kind: TableKind<IsolatedParams> = {
  names: ["isolated-random", "isolated-pretrained"],
  needs: "a variant isolated to one source and a variant of DEPT in pretrain.variants",
  declare(recipe, name) {
    const params = paramsOf(recipe, name);
    return { inputs: lossInputs(params), params };
  },
  build(params, inputs): Table {
    const rows = lossRows(params, inputs, "perplexity");
    const dept = rows.filter(({ label }) => params.dept.includes(label));
    const alone = rows.filter(({ label }) => !params.dept.includes(label));
    return {
      name: params.name,
      title:
        `Test perplexity of isolated sources and of DEPT, continued from ${params.start} embeddings`,
      columns: lossColumns(params),
      rows: [...rows, ...alone.map((row) => advantage(row, dept))],
      notes: [
        "isolated: trained on one source, with as many tokens as a DEPT model sees, then continued on all sources",
        "advantage %: of the best DEPT variant in the column over that model, 100·(b − x)/b",
      ],
      mark: pairedMark,
    };
  },
};

function paramsOf(recipe: Recipe, name: string): IsolatedParams {
  const params = { ...lossParams(recipe, name), external: [] };
  const isolated = params.variants.filter((id) => variantNamed(id).onlySource !== undefined);
  const { dept } = rivalsOf(params.variants);
  if (isolated.length === 0 || dept.length === 0) {
    const ofOneSource = Object.keys(variantTable).filter((id) => id.includes("<source>"));
    throw new UsageError(
      `Cannot make table "${name}": expected ${ofOneSource} and a variant of DEPT among pretrain.variants, ` +
        `found ${recipe.pretrain.variants.join(", ")}`,
    );
  }
  const variants = [...isolated, ...dept]; // all saw as many tokens
  return { ...params, variants, rivals: variants, dept };
}

function advantage({ label, cells }: Row, dept: readonly Row[]): Row {
  return {
    label: `advantage over ${label} %`,
    cells: cells.map((cell, column): Cell => {
      const best = Math.min(...dept.map((row) => row.cells[column].value as number));
      const value = (100 * ((cell.value as number) - best)) / (cell.value as number);
      return cellOf(value, decimals(1));
    }),
  };
}
