/**
 * The paper's tables and figures by number: which of ours each one is, and what is known of its cells.
 */
import { textRows } from "./text_rows.ts";

export interface PaperEntry {
  /** The name of our table. */
  readonly name: string;
  readonly title: string;
  /** Recipes that make it at the paper's sizes. */
  readonly recipes: readonly string[];
  /** How many of the paper's numbers are known to us. */
  readonly known: "all" | "some" | "none";
  /** What else a reader must know. */
  readonly remark?: string;
}

const inferred = "what it shows is inferred from the paper's references to it";

/** By number: our name, cells that are known, recipes, title. */
export const paperTableIndex: Readonly<Record<number, PaperEntry>> = parse(
  `
1  | formulas              | all  | multilingual multidomain                                | Costs of the methods, as formulas
2  | cost                  | all  | multilingual multilingual-1b multidomain-24             | Costs, the main part of Table 9
3  | perplexity-random     | all  | multidomain-24                                          | The Pile, 24 blocks, random embeddings
4  | perplexity-random     | all  | multilingual                                            | mC4, 12 blocks, random embeddings
5  | perplexity-pretrained | all  | multidomain-24                                          | The Pile, 24 blocks, pre-trained embeddings
6  | perplexity-pretrained | all  | multilingual                                            | mC4, 12 blocks, pre-trained embeddings
7  | downstream            | all  | multidomain-24                                          | Fine-tuning from random embeddings
8  | settings              | some | multilingual multidomain multidomain-24                 | Architecture and hyper-parameters
9  | cost                  | all  | multilingual multilingual-1b multidomain multidomain-24 | Costs in full
10 | perplexity-random     | none | multilingual-proportional multidomain-24-uniform        | The other sampling of continuation, random embeddings
11 | perplexity-pretrained | none | multidomain-24-uniform                                  | The Pile, uniform sampling of continuation, pre-trained embeddings
12 | perplexity-random     | none | multidomain                                             | The Pile, 12 blocks, random embeddings
13 | perplexity-pretrained | none | multidomain                                             | The Pile, 12 blocks, pre-trained embeddings
14 | isolated-random       | some | multidomain-24-isolated                                 | Isolated sources of The Pile, random embeddings
15 | isolated-random       | some | multilingual-isolated                                   | Isolated sources of mC4, random embeddings
16 | isolated-pretrained   | some | multidomain-24-isolated                                 | Isolated sources of The Pile, pre-trained embeddings
17 | isolated-pretrained   | some | multilingual-isolated                                   | Isolated sources of mC4, pre-trained embeddings
18 | pythia                | some |                                                         | Pythia-160M
19 | pythia                | some |                                                         | Pythia-410M, random embeddings
20 | pythia                | some |                                                         | Pythia-410M, pre-trained embeddings
21 | downstream-both       | none | multidomain-24                                          | Fine-tuning in full`,
  {
    4: "the paper's AVG cells of improvement are means of the columns' here, of averages in Tables 3, 5 and 6",
    7: "the paper continues with uniform sampling before it",
    8: "one row of the paper's is known to us",
    10: inferred,
    11: "the paper: EE and EP are then won by DEPT",
    13: inferred,
    14: "the paper: DEPT is better by 7.8 % on average",
    15: "the paper: DEPT is better by 9.8 % on average, by 16.7 % on held-out languages",
    16:
      "the paper: DEPT is better by 27 % on average; an isolated model usually wins on its own source",
    17: "the paper: DEPT is better by 30.6 % on average, by 14.9 % on held-out languages",
  },
);

/** Figures of the main text, and Fig. 4 of the appendix. */
export const paperFigureIndex: Readonly<Record<number, PaperEntry>> = parse(
  `
1 | method     | all  | sample          | What each variant shares and what a source keeps, drawn; method-trim has one variant
2 | stability  | none | multidomain-24  | Activations and norms of parameters along pre-training
3 | plasticity | some | multilingual    | Perplexity along continuation from random embeddings
4 | scaling    | none | multilingual-1b | Training perplexity of each source by round`,
  {
    2: "the paper runs it before the baselines' rate is lowered, as this recipe does",
    3: "the paper's curves end at 40–60 on all of mC4, 15–40 on hi, 15–35 on sw, 30–55 on de",
  },
);

function parse(
  text: string,
  remarks: Readonly<Record<string, string>>,
): Readonly<Record<number, PaperEntry>> {
  return Object.fromEntries(
    textRows(text).map(([number, name, known, recipes, title]) => [number, {
      name,
      title,
      recipes: recipes === "" ? [] : recipes.split(" "),
      known: known as PaperEntry["known"],
      ...(number in remarks ? { remark: remarks[number] } : {}),
    }]),
  );
}
