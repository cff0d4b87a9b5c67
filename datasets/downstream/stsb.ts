/**
 * STS-B: how similar are two sentences, from 0 (not at all) to 5 (the same)?
 *
 * Source: Cer et al. 2017; GLUE (Wang et al. 2018).
 */
import type { TaskExample } from "../task.ts";
import { delimitedReader } from "../readers/delimited.ts";
import type { FileTask } from "./file_task.ts";
import { rowsOf, type TaskRow, taskRows } from "./records.ts";

const columns = ["sentence1", "sentence2", "score"];
const csv = delimitedReader("csv", { delimiter: ",", quotes: true, columns });

export const task: FileTask = {
  description: { kind: "similarity", nClasses: 1 },
  forms: [
    ".csv without a header: sentence1, sentence2, score",
    "GLUE .tsv, .jsonl or .parquet: sentence1, sentence2, score or label",
  ],
  async *examples(file) {
    const rows = file.name.endsWith(".csv") ? rowsOf(file, csv) : taskRows(file);
    for await (const row of rows) {
      // A file that has the names of its columns anyway is read too.
      if (columns.every((column) => row.raw(column) === column)) continue;
      yield example(row);
    }
  },
};

function example(row: TaskRow): TaskExample {
  const score = row.has("score") ? "score" : "label";
  return {
    texts: [row.text("sentence1"), row.text("sentence2")],
    label: row.number(score, 0, 5),
  };
}
