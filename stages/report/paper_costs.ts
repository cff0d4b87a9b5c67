/**
 * The cost cells that the paper prints (Tables 2 and 9), by recipe mapping and method. Quoted, never computed with.
 */
import { textRows } from "./text_rows.ts";

/** Cells as printed, in the order of Table 9. */
const columns = [
  "localSteps",
  "rounds",
  "localVocabSize", // mean ± sample deviation where the paper gives one
  "embeddingParameters",
  "parameters", // M_k
  "parametersRatio", // to STD's
  "communication",
  "communicationRatio",
] as const;

type PrintedCells = Readonly<Record<typeof columns[number], string>>;

export type PaperCost = PrintedCells & {
  /** Columns of cells that do not follow from the paper's own inputs. */
  readonly slips: readonly string[];
};

/** A cell with `!` does not follow from the paper's own inputs. */
export const paperCosts: Readonly<Record<string, Readonly<Record<string, PaperCost>>>> = {
  "multilingual-12": parse(`
STD      | 5e3 | 1  | 250,112          | 192M  | 278M | 1×     | 278M  | 1×
GLOB     | 500 | 10 | 250,112          | 192M  | 278M | 1×     | 0.56M | 0.002×
TRIM     | 500 | 10 | 216,135 ± 27,160 | 166M  | 252M | 0.92×! | 0.5M  | 0.002×
SPEC     | 500 | 10 | 216,135 ± 27,160 | 166M  | 252M | 0.92×! | 0.17M | 0.0006×
SPEC-OPT | 500 | 10 | 50,257 ± 0       | 38.6M | 125M | 0.45×  | 0.17M | 0.0006×`),
  "multilingual-24": parse(`
STD      | 7e3 | 1  | 250,112    | 512.2M | 1.71B | 1×    | 1.71B | 1×
SPEC-OPT | 500 | 14 | 50,257 ± 0 | 102.9M | 1.3B  | 0.76× | 2.4M  | 0.001×`),
  "multidomain-12": parse(`
STD  | 5e3 | 1  | 50,257          | 38.6M | 125M | 1×    | 125M  | 1×
GLOB | 500 | 10 | 50,257          | 38.6M | 125M | 1×    | 0.25M | 0.002×
TRIM | 500 | 10 | 45,554 ± 9,462! | 35M   | 121M | 0.97× | 0.24M | 0.002×
SPEC | 500 | 10 | 45,554 ± 9,462! | 35M   | 121M | 0.97× | 0.17M | 0.001×`),
  "multidomain-24": parse(`
STD  | 13.5e3 | 1  | 50,257          | 51.4M! | 350M   | 1×     | 350M  | 1×
GLOB | 500    | 27 | 50,257          | 51.4M! | 350M   | 1×     | 0.7M  | 0.002×
TRIM | 500    | 27 | 45,554 ± 9,462! | 46.6M  | 345.2M | 0.97×! | 0.69M | 0.002×
SPEC | 500    | 27 | 45,554 ± 9,462! | 46.6M  | 345.2M | 0.97×! | 0.6M  | 0.002×`),
};

function parse(text: string): Readonly<Record<string, PaperCost>> {
  return Object.fromEntries(
    textRows(text).map(([method, ...cells]) => {
      const printed = Object.fromEntries(
        columns.map((column, at) => [column, cells[at].replace("!", "")]),
      ) as PrintedCells;
      const slips = columns.filter((_, at) => cells[at].endsWith("!"));
      return [method, { ...printed, slips }];
    }),
  );
}
