/**
 * The paper's tables and figures by number: which of ours each one is, and what is known of its cells.
 */

export interface PaperEntry {
  /** The name of our table. */
  readonly name: string;
  readonly title: string;
  /** Recipes that make it at the paper's sizes. */
  readonly recipes: readonly string[];
  /** What of the paper's numbers is known to us. */
  readonly known: "all" | "some" | "none";
  /** What else a reader must know. */
  readonly remark?: string;
}

const inferred = "what it shows is inferred from the paper's references to it";

export const paperTableIndex: Readonly<Record<number, PaperEntry>> = {
  1: {
    name: "formulas",
    title: "Costs of the methods, as formulas",
    recipes: ["multilingual", "multidomain"],
    known: "all",
  },
  2: {
    name: "cost",
    title: "Costs, the main part of Table 9",
    recipes: ["multilingual", "multilingual-1b", "multidomain-24"],
    known: "all",
  },
  3: {
    name: "perplexity-random",
    title: "The Pile, 24 blocks, random embeddings",
    recipes: ["multidomain-24"],
    known: "all",
  },
  4: {
    name: "perplexity-random",
    title: "mC4, 12 blocks, random embeddings",
    recipes: ["multilingual"],
    known: "all",
    remark:
      "the paper's AVG cells of improvement are means of the columns' here, of averages in Tables 3, 5 and 6",
  },
  5: {
    name: "perplexity-pretrained",
    title: "The Pile, 24 blocks, pre-trained embeddings",
    recipes: ["multidomain-24"],
    known: "all",
  },
  6: {
    name: "perplexity-pretrained",
    title: "mC4, 12 blocks, pre-trained embeddings",
    recipes: ["multilingual"],
    known: "all",
  },
  7: {
    name: "downstream",
    title: "Fine-tuning from random embeddings",
    recipes: ["multidomain-24"],
    known: "all",
    remark: "the paper continues with uniform sampling before it",
  },
  8: {
    name: "settings",
    title: "Architecture and hyper-parameters",
    recipes: ["multilingual", "multidomain", "multidomain-24"],
    known: "some",
    remark: "one row of the paper's is known to us",
  },
  9: {
    name: "cost",
    title: "Costs in full",
    recipes: ["multilingual", "multilingual-1b", "multidomain", "multidomain-24"],
    known: "all",
  },
  10: {
    name: "perplexity-random",
    title: "The other sampling of continuation, random embeddings",
    recipes: ["multilingual-proportional", "multidomain-24-uniform"],
    known: "none",
    remark: inferred,
  },
  11: {
    name: "perplexity-pretrained",
    title: "The Pile, uniform sampling of continuation, pre-trained embeddings",
    recipes: ["multidomain-24-uniform"],
    known: "none",
    remark: "the paper: EE and EP are then won by DEPT",
  },
  12: {
    name: "perplexity-random",
    title: "The Pile, 12 blocks, random embeddings",
    recipes: ["multidomain"],
    known: "none",
  },
  13: {
    name: "perplexity-pretrained",
    title: "The Pile, 12 blocks, pre-trained embeddings",
    recipes: ["multidomain"],
    known: "none",
    remark: inferred,
  },
  14: {
    name: "isolated-random",
    title: "Isolated sources of The Pile, random embeddings",
    recipes: ["multidomain-24-isolated"],
    known: "some",
    remark: "the paper: DEPT is better by 7.8 % on average",
  },
  15: {
    name: "isolated-random",
    title: "Isolated sources of mC4, random embeddings",
    recipes: ["multilingual-isolated"],
    known: "some",
    remark: "the paper: DEPT is better by 9.8 % on average, by 16.7 % on held-out languages",
  },
  16: {
    name: "isolated-pretrained",
    title: "Isolated sources of The Pile, pre-trained embeddings",
    recipes: ["multidomain-24-isolated"],
    known: "some",
    remark:
      "the paper: DEPT is better by 27 % on average; an isolated model usually wins on its own source",
  },
  17: {
    name: "isolated-pretrained",
    title: "Isolated sources of mC4, pre-trained embeddings",
    recipes: ["multilingual-isolated"],
    known: "some",
    remark: "the paper: DEPT is better by 30.6 % on average, by 14.9 % on held-out languages",
  },
  18: {
    name: "pythia",
    title: "Pythia-160M",
    recipes: [],
    known: "some",
  },
  19: { name: "pythia", title: "Pythia-410M, random embeddings", recipes: [], known: "some" },
  20: {
    name: "pythia",
    title: "Pythia-410M, pre-trained embeddings",
    recipes: [],
    known: "some",
  },
  21: {
    name: "downstream-both",
    title: "Fine-tuning in full",
    recipes: ["multidomain-24"],
    known: "none",
  },
};

/** Figures 1 to 3 of the main text and Fig. 4 of the appendix. */
export const paperFigureIndex: Readonly<Record<number, PaperEntry>> = {
  2: {
    name: "stability",
    title: "Activations and norms of parameters along pre-training",
    recipes: ["multidomain-24"],
    known: "none",
    remark: "the paper runs it before the baselines' rate is lowered, as this recipe does",
  },
  3: {
    name: "plasticity",
    title: "Perplexity along continuation from random embeddings",
    recipes: ["multilingual"],
    known: "some",
    remark: "the paper's curves end at 40–60 on all of mC4, 15–40 on hi, 15–35 on sw, 30–55 on de",
  },
  4: {
    name: "scaling",
    title: "Training perplexity of each source by round",
    recipes: ["multilingual-1b"],
    known: "none",
  },
};
