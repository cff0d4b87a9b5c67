/**
 * One table of several that a store keeps and that differ in nothing but the seed: each was made by a run of its own.
 */
import { StageError } from "../../base/mod.ts";
import { isTable, tableEntry } from "./kinds.ts";
import { averageTables } from "./seeds.ts";
import { asTable, type Table } from "./table.ts";

interface SeedResult {
  readonly seed: string;
  readonly table: unknown;
  /** Of stage `table`. */
  readonly params: unknown;
  /** The folder of each input; undefined where it is not there. */
  readonly inputs: Readonly<Record<string, string | undefined>>;
}

/**
 * Made from the results that the tables are made from, where the kind of table says more that way and all of them are there (as
 * in a study over seeds); else means of the tables.
 *
 * @throws StageError for tables of different shapes, and for parameters that this version does not know
 */
export async function tableOverSeeds(results: readonly SeedResult[]): Promise<Table> {
  const tables = results.map(({ table }) => asTable(table));
  const [{ name }] = tables;
  const buildOfSeeds = isTable(name) ? tableEntry(name).kind.buildOfSeeds : undefined;
  const inputs = results.map((one) => one.inputs);
  try {
    if (buildOfSeeds === undefined || !inputs.every(areThere)) {
      return averageTables(tables, results.map(({ seed }) => seed));
    }
    const { kind } = results[0].params as { readonly kind: object };
    return await buildOfSeeds(kind, inputs);
  } catch (error) {
    throw new StageError(
      `Cannot make table "${name}" over seeds: expected results of this version's form, found others (${
        (error as Error).message
      })`,
      { cause: error },
    );
  }
}

function areThere(
  inputs: Readonly<Record<string, string | undefined>>,
): inputs is Readonly<Record<string, string>> {
  return Object.values(inputs).every((folder) => folder !== undefined);
}
