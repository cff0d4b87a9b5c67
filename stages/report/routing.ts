/**
 * Where texts go whose source nobody says: what each table's unigram model needs for the text of each source, and how many documents
 * it won.
 *
 * Source: DEPT App. F leaves it open.
 */
import { readFileSync } from "node:fs";
import { accuracyOf, type Routing } from "../routing.ts";
import { allSources, sourcesOf } from "../sources.ts";
import { cellOf, decimals, percent, whole } from "./cells.ts";
import { needs, stitchedIn } from "./inference.ts";
import { inputsOf, type TableKind } from "./kind.ts";
import type { Row, Table } from "./table.ts";

interface RoutingParams {
  readonly variants: readonly string[];
  /** Of the columns. */
  readonly tables: readonly string[];
  readonly sources: readonly string[];
}

export const kind: TableKind<RoutingParams> = {
  names: ["routing"],
  needs,
  declare(recipe) {
    const variants = stitchedIn(recipe, "routing");
    return {
      inputs: inputsOf("routing", variants, (id) => `route/${id}#routing`),
      params: { variants, tables: sourcesOf(recipe), sources: allSources(recipe) },
    };
  },
  build({ variants, tables, sources }, inputs): Table {
    const found = variants.map((id) => ({ id, routing: readRouting(inputs, id) }));
    return {
      name: "routing",
      title: "Where texts go whose source nobody says",
      columns: ["", "text of", "", ...tables],
      rows: found.flatMap(({ id, routing }) =>
        sources.flatMap((source) => rowsOf({ id, routing, source, tables }))
      ),
      notes: [
        "bits per byte: of a source's test text by the unigram model and tokenizer of each table; documents: how many went to it",
        ...found.map(({ id, routing }) =>
          `${id}: ${
            percent(accuracyOf(routing))
          } of the documents of trained sources went to their own table`
        ),
      ],
    };
  },
};

function rowsOf({ id, routing, source, tables }: {
  readonly id: string;
  readonly routing: Routing;
  readonly source: string;
  readonly tables: readonly string[];
}): Row[] {
  const { documents, bitsPerByte } = routing.sources[source];
  const row = (what: string, values: readonly number[], text: (value: number) => string): Row => ({
    label: id,
    from: [`routing/${id}`],
    cells: [
      { value: source },
      { value: what },
      // A source that was never drawn has no table.
      ...tables.map((table) => cellOf(values[routing.tables.indexOf(table)] ?? null, text)),
    ],
  });
  return [row("bits per byte", bitsPerByte, decimals(3)), row("documents", documents, whole)];
}

function readRouting(inputs: Readonly<Record<string, string>>, id: string): Routing {
  return JSON.parse(readFileSync(`${inputs[`routing/${id}`]}/routing.json`, "utf8"));
}
