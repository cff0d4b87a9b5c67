/**
 * STS-B: how similar are two sentences, from 0 (not at all) to 5 (the same)?
 *
 * Source: Cer et al. 2017; GLUE (Wang et al. 2018).
 */
import { parse } from "csv-parse";
import { createReadStream } from "node:fs";
import { messageOf, StageError } from "../../base/mod.ts";
import type { TaskExample } from "../task.ts";
import { rowOf, type TaskRow, taskRows } from "./records.ts";
import type { FileTask, TaskFile } from "./file_task.ts";

export const task: FileTask = {
  description: { kind: "similarity", nClasses: 1 },
  forms: [
    ".csv without a header: sentence1, sentence2, score",
    "GLUE .tsv, .jsonl or .parquet: sentence1, sentence2, score or label",
  ],
  async *examples(file) {
    const rows = file.name.endsWith(".csv") ? csvRows(file) : taskRows(file);
    for await (const row of rows) yield example(row);
  },
};

function example(row: TaskRow): TaskExample {
  const score = row.has("score") ? "score" : "label";
  return {
    texts: [row.text("sentence1"), row.text("sentence2")],
    label: row.number(score, 0, 5),
  };
}

/** RFC 4180 without names of columns; a file that has them anyway is read too. */
async function* csvRows({ name, path }: TaskFile): AsyncGenerator<TaskRow> {
  const columns = ["sentence1", "sentence2", "score"];
  const parser = createReadStream(path)
    .on("error", (error) => parser.destroy(error))
    .pipe(parse({ columns, bom: true, info: true, skip_empty_lines: true }));
  try {
    for await (const { record, info } of parser) {
      if (columns.every((column) => record[column] === column)) continue;
      yield rowOf(`"${name}", line ${info.lines}`, record);
    }
  } catch (cause) {
    if (cause instanceof StageError) throw cause;
    const found = (cause as { code?: string }).code === "ENOENT"
      ? "nothing there"
      : `"${messageOf(cause)}"`;
    throw new StageError(`Cannot read "${name}": expected rows of 3 cells, found ${found}`, {
      cause,
    });
  }
}
