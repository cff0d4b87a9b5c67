/**
 * SST-2: is a sentence of a film review negative (0) or positive (1)?
 *
 * Source: Socher et al. 2013; GLUE (Wang et al. 2018).
 */
import { taskRows } from "./records.ts";
import type { FileTask } from "./file_task.ts";

const classes = ["negative", "positive"];

export const task: FileTask = {
  description: { kind: "classification", nClasses: 2 },
  forms: ["GLUE .tsv, .jsonl or .parquet: sentence, label"],
  async *examples(file) {
    for await (const row of taskRows(file)) {
      yield { texts: [row.text("sentence")], label: row.label("label", classes) };
    }
  },
};
