/**
 * RACE: which of four answers to a question about a passage is right?
 *
 * A passage has several questions; each is an example. The context is the passage and the question; where the question has a
 * blank (`_`), the options are what may stand there.
 * Source: Lai et al. 2017.
 */
import { messageOf, StageError } from "../../base/mod.ts";
import type { TaskExample } from "../task.ts";
import { rowOf, type TaskRow, taskRows } from "./records.ts";
import type { FileTask, TaskFile } from "./file_task.ts";

const letters = ["A", "B", "C", "D"];

export const task: FileTask = {
  description: { kind: "choice", nClasses: letters.length },
  forms: [
    ".jsonl, or a .txt for each passage: article, questions, options, answers",
    ".parquet or .jsonl, a row for each question: article, question, options, answer",
  ],
  async *examples(file) {
    const rows = file.name.endsWith(".txt") ? onePassage(file) : taskRows(file);
    for await (const row of rows) {
      if (row.has("questions")) yield* passageExamples(row);
      else {
        const options = fourOptions(row, "options", row.texts("options"));
        yield example(
          row.text("article"),
          row.text("question"),
          options,
          row.label("answer", letters),
        );
      }
    }
  },
};

/** The layout of the original archive: a file holds one passage as JSON. */
function* onePassage({ name, path }: TaskFile): Generator<TaskRow> {
  let value: unknown;
  try {
    value = JSON.parse(Deno.readTextFileSync(path));
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound ? "nothing there" : `"${messageOf(cause)}"`;
    throw new StageError(`Cannot read "${name}": expected a passage as JSON, found ${found}`, {
      cause,
    });
  }
  yield rowOf(`"${name}"`, value);
}

function* passageExamples(row: TaskRow): Generator<TaskExample> {
  const article = row.text("article");
  const questions = row.texts("questions");
  const answers = row.texts("answers");
  const options = row.raw("options");
  if (answers.length !== questions.length) {
    row.fail("answers", `${questions.length}, one for each question`, answers);
  }
  if (!Array.isArray(options) || options.length !== questions.length) {
    return row.fail("options", `${questions.length} lists, one for each question`, options);
  }
  for (const [i, question] of questions.entries()) {
    const right = letters.indexOf(answers[i]);
    if (right < 0) row.fail("answers", `one of ${letters.join(", ")}`, answers[i]);
    yield example(article, question, fourOptions(row, "options", options[i]), right);
  }
}

function example(article: string, question: string, options: string[], label: number): TaskExample {
  return { texts: [`${article}\n${question}`], options, label };
}

function fourOptions(row: TaskRow, field: string, options: unknown): string[] {
  const isFour = Array.isArray(options) && options.length === letters.length &&
    options.every((option) => typeof option === "string");
  return isFour ? options : row.fail(field, `${letters.length} texts`, options);
}
