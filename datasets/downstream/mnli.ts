/**
 * MNLI: does a premise entail a hypothesis (0), leave it open (1), or contradict it (2)?
 *
 * Pairs on which the annotators did not agree (`gold_label` "-") are left out, as everybody does.
 * Source: Williams, Nangia and Bowman 2018.
 */
import { taskRows } from "./records.ts";
import type { FileTask } from "./file_task.ts";

const classes = ["entailment", "neutral", "contradiction"];

export const task: FileTask = {
  description: { kind: "entailment", nClasses: 3 },
  forms: [
    ".jsonl or GLUE .tsv: sentence1, sentence2, gold_label",
    ".parquet or .jsonl: premise, hypothesis, label",
  ],
  async *examples(file) {
    for await (const row of taskRows(file)) {
      const isOriginal = row.has("sentence1");
      const label = isOriginal ? "gold_label" : "label";
      if (row.raw(label) === "-") continue;
      const names = isOriginal ? ["sentence1", "sentence2"] : ["premise", "hypothesis"];
      const [premise, hypothesis] = names.map((name) => row.text(name));
      yield { texts: [premise, hypothesis], label: row.label(label, classes) };
    }
  },
};
