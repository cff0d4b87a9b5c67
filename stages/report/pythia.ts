/**
 * Imports beside DEPT, both continued from the same kind of embeddings: perplexity a token of the global vocabulary.
 *
 * From its own embeddings an import reads tokens of its own. Its nats of a text, spread over the tokens of that text in the global
 * vocabulary, make a perplexity that can be compared: exp(nats/bytes · bytes/token).
 *
 * Source: DEPT App. B.9 (Tables 18 to 20), of which only averages are known, by its authors' replies to reviewers.
 */
import { continuedModels } from "../continue.ts";
import { continuedExternals } from "../external_models.ts";
import { sourcesOf } from "../sources.ts";
import { rivalsOf } from "./improvement.ts";
import { type Inputs, inputsOf, type TableKind } from "./kind.ts";
import { lossCells, lossColumns, type LossParams, readSummary } from "./losses.ts";
import type { Cell, Row, Table } from "./table.ts";

const starts = ["pretrained", "random"] as const;

interface Block {
  readonly start: typeof starts[number];
  readonly external: readonly string[];
  readonly dept: readonly string[];
}

interface PythiaParams extends Pick<LossParams, "sources" | "outOfDistribution"> {
  readonly blocks: readonly Block[];
}

export const kind: TableKind<PythiaParams> = {
  names: ["pythia"],
  needs:
    "models in external with starts among continue.starts; without them it quotes the paper's averages",
  declare(recipe) {
    const blocks = starts.map((start): Block => {
      const of = (models: readonly (readonly [string, string])[]) =>
        models.filter((model) => model[1] === start).map(([id]) => id);
      return {
        start,
        external: of(continuedExternals(recipe)),
        dept: rivalsOf(of(continuedModels(recipe))).dept,
      };
    }).filter(({ external, dept }) => external.length > 0 && dept.length > 0);
    const inputs: Inputs = Object.assign(
      {},
      ...blocks.map(({ start, external, dept }) =>
        inputsOf(
          `losses/${start}`,
          [...external, ...dept],
          (id) => `evaluate/${id}/${start}#losses`,
        )
      ),
    );
    const isComputed = blocks.length > 0;
    return {
      inputs,
      params: {
        sources: isComputed ? sourcesOf(recipe) : [],
        outOfDistribution: isComputed ? recipe.outOfDistribution : [],
        blocks,
      },
    };
  },
  build(params, inputs): Table {
    const { blocks } = params;
    const columns = lossColumns(params);
    return {
      name: "pythia",
      title: "Imports and DEPT: test perplexity a token of the global vocabulary",
      columns,
      rows: [...blocks.flatMap((block) => rowsOf(params, block, inputs)), ...quotedRows(params)],
      notes: [
        ...(blocks.length > 0
          ? [
            "an import reads its own tokens from its own embeddings: its nats are spread over the tokens of the global vocabulary",
            "best of DEPT less an import: below 0 where DEPT is better",
          ]
          : [
            "not computed here: the recipe continues no import beside a variant of DEPT (docs/external.md)",
          ]),
        "the paper's single cells are not known to us, of its averages what is quoted",
        "Pythia has seen 300 billion tokens, 10 to 30 times as many as DEPT; Ubuntu IRC is not held out for it",
      ],
    };
  },
};

function rowsOf(
  params: PythiaParams,
  { start, external, dept }: Block,
  inputs: Readonly<Record<string, string>>,
): Row[] {
  const inputOf = (id: string) => `losses/${start}/${id}`;
  const global = readSummary(inputs[inputOf(dept[0])]);
  const rowOf = (id: string): Row => {
    const summary = readSummary(inputs[inputOf(id)]);
    const perplexity = (source: string) => {
      const [own, ours] = [summary[source], global[source]];
      if (own === undefined || ours === undefined) return undefined;
      return { value: Math.exp(own.lossNats / own.bytes * ours.bytes / ours.tokens) };
    };
    return { label: `${id}, ${start}`, cells: lossCells(params, perplexity), from: [inputOf(id)] };
  };
  const ours = dept.map(rowOf);
  const theirs = external.map(rowOf);
  return [
    ...theirs,
    ...ours,
    ...theirs.map(({ label, cells }, i): Row => ({
      label: `best of DEPT less ${label}`,
      cells: cells.map((cell, column) => difference(ours.map((row) => row.cells[column]), cell)),
      from: [external[i], ...dept].map(inputOf),
    })),
  ];
}

function difference(ours: readonly Cell[], { value }: Cell): Cell {
  const known = ours.map((cell) => cell.value).filter((one) => typeof one === "number");
  if (typeof value !== "number" || known.length < ours.length) return { value: null };
  return { value: Math.min(...known) - value };
}

/** What is known of the paper's averages. */
function quotedRows(params: PythiaParams): Row[] {
  const average = params.sources.length;
  const said = [
    ["paper: 160M, pre-trained embeddings (Table 18)", "DEPT better by 1"],
    ["paper: 410M, random embeddings (Table 19)", "within 1 of each other"],
    ["paper: 410M, pre-trained embeddings (Table 20)", "Pythia better by 10"],
  ];
  return said.map(([label, paper]) => ({
    label,
    cells: lossColumns(params).slice(1).map((_, column) => ({
      value: null,
      ...(column === average ? { paper } : {}),
    })),
  }));
}
