/**
 * The sections of a report, and which tables and figures stand in each.
 */

export interface SectionPlan {
  readonly id: string;
  readonly title: string;
  readonly intro: string;
  /** Tables that stand here, if the recipe asks for them, by the beginning of their names. */
  readonly tables: readonly string[];
  /** Those that are made in any case, where the recipe has what they need. */
  readonly always: readonly string[];
  readonly figures: readonly string[];
}

/** The last section takes what stands in no other one. */
export const sectionPlans: readonly SectionPlan[] = [
  {
    id: "study",
    title: "The study",
    intro: "What varies, what it costs, and what it gives.",
    tables: ["study-"],
    always: [],
    figures: [],
  },
  {
    id: "results",
    title: "Results",
    intro: "Made from test text, which chose nothing.",
    tables: [
      ...["pretraining", "bits-", "differences", "perplexity-", "downstream", "normalised-"],
      ...["isolated", "pythia", "transfer-", "cells-"],
    ],
    always: [],
    figures: [],
  },
  {
    id: "training",
    title: "Training",
    intro: "How losses, activations and norms of parameters went.",
    tables: ["tuning", "growth"],
    always: [],
    figures: ["learning", "stability", "plasticity", "scaling"],
  },
  {
    id: "averaging",
    title: "Drift and averaging",
    intro: "How far sources move apart within a round, and what their average does to each.",
    tables: ["bound"],
    always: ["averaging", "drift"],
    figures: ["drift"],
  },
  {
    id: "costs",
    title: "Memory and communication",
    intro: "What a worker holds and sends, by the paper's formulas and as it was counted.",
    tables: ["formulas", "budget", "memory"],
    always: ["cost", "cost-measured"],
    figures: ["costs"],
  },
  {
    id: "data",
    title: "Data",
    intro: "What the sources are and how often each was read.",
    tables: ["exposure", "unigram", "overlap", "clusters"],
    always: ["data", "heterogeneity"],
    figures: ["overlap"],
  },
  {
    id: "more",
    title: "More tables",
    intro: "What else the recipe asks for.",
    tables: [""],
    always: [],
    figures: [],
  },
];
