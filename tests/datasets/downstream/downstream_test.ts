import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { parquetWriteFile } from "hyparquet-writer";
import { join } from "node:path";
import {
  type FileTask,
  type TaskFormat,
  taskFormatModule,
  taskFormatNames,
} from "../../../datasets/downstream/mod.ts";
import type { TaskExample } from "../../../datasets/mod.ts";
import { StageError, UsageError } from "../../../base/mod.ts";
import { needsData } from "../../support/data.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const tasks = Object.fromEntries(
  await Promise.all(
    taskFormatNames.map(async (name) => [name, (await import(taskFormatModule(name))).task]),
  ),
) as Record<TaskFormat, FileTask>;

const examplesOf = (format: TaskFormat, path: string): Promise<TaskExample[]> =>
  Array.fromAsync(tasks[format].examples({ name: path.slice(path.lastIndexOf("/") + 1), path }));

function written(name: string, content: string): string {
  const path = join(folder, name);
  Deno.writeTextFileSync(path, content);
  return path;
}

/** Files of the samples, their examples as the README of the data counts them, and how many have each label. */
const samples: readonly [TaskFormat, string, number, Readonly<Record<string, number>>?][] = [
  ["sst2", "sst2/train.tsv", 67_349, { 0: 29_780, 1: 37_569 }],
  ["sst2", "sst2/dev.tsv", 872, { 0: 428, 1: 444 }],
  ["stsb", "stsb/stsb-en-train.csv", 5749],
  ["stsb", "stsb/stsb-en-dev.csv", 1500],
  ["stsb", "stsb/stsb-en-test.csv", 1379],
  ["mnli", "mnli/train.jsonl", 727],
  ["mnli", "mnli/dev_matched.jsonl", 273],
  ["mnli", "mnli/dev_mismatched.jsonl", 516],
];

for (const [format, path, count, labels] of samples) {
  const data = needsData("downstream", path);
  Deno.test({
    name: `${format} reads all of ${path}`,
    ignore: data.ignore,
    async fn() {
      const examples = await examplesOf(format, data.path);
      strictEqual(examples.length, count);
      const found = Object.groupBy(examples, ({ label }) => label);
      const { kind, nClasses } = tasks[format].description;
      if (kind !== "similarity") strictEqual(Object.keys(found).length, nClasses);
      for (const [label, size] of Object.entries(labels ?? {})) {
        strictEqual(found[Number(label)]!.length, size);
      }
    },
  });
}

const race = needsData("downstream", "race");
Deno.test({
  name: "race reads its passages, the same from one file each as from lines",
  ignore: race.ignore,
  async fn() {
    const rows = {
      "train.high": 480,
      "train.middle": 240,
      "dev.high": 90,
      "dev.middle": 45,
      "test.high": 60,
      "test.middle": 30,
    };
    for (const [part, passages] of Object.entries(rows)) {
      const path = join(race.path, `${part}.jsonl`);
      const lines = Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
      strictEqual(lines.length, passages);
      const examples = await examplesOf("race", path);
      strictEqual(examples.length, lines.reduce((sum, { questions }) => sum + questions.length, 0));
      ok(examples.every(({ options, label }) => options!.length === 4 && label >= 0 && label < 4));
      const [split, level] = part.split(".");
      const original = join(race.path, "RACE", split, level);
      for (const { name } of Deno.readDirSync(original)) {
        const line = lines.find(({ id }) => id === `${level}${name}` || id === name);
        ok(line, `${part} has ${name}`);
        const one = written("one.jsonl", JSON.stringify(line) + "\n");
        deepStrictEqual(
          await examplesOf("race", join(original, name)),
          await examplesOf("race", one),
        );
      }
    }
  },
});

Deno.test("tasks read the forms that hubs and GLUE have", async () => {
  const parquet = (name: string, columns: Parameters<typeof parquetWriteFile>[0]["columnData"]) => {
    parquetWriteFile({ filename: join(folder, name), columnData: columns });
    return join(folder, name);
  };
  deepStrictEqual(
    await examplesOf(
      "sst2",
      parquet("sst2.parquet", [
        { name: "sentence", data: ["a joy", "a bore"], type: "STRING" },
        { name: "label", data: [1n, 0n], type: "INT64" },
      ]),
    ),
    [{ texts: ["a joy"], label: 1 }, { texts: ["a bore"], label: 0 }],
  );
  deepStrictEqual(
    await examplesOf(
      "mnli",
      parquet("mnli.parquet", [
        { name: "premise", data: ["p"], type: "STRING" },
        { name: "hypothesis", data: ["h"], type: "STRING" },
        { name: "label", data: [2n], type: "INT64" },
      ]),
    ),
    [{ texts: ["p", "h"], label: 2 }],
  );
  deepStrictEqual(
    await examplesOf(
      "stsb",
      written("glue.tsv", 'index\tgenre\tsentence1\tsentence2\tscore\n0\tnews\ta "b\ta b\t3.800\n'),
    ),
    [{ texts: ['a "b', "a b"], label: 3.8 }], // no quoting in GLUE's files
  );
  deepStrictEqual(
    await examplesOf(
      "mnli",
      written(
        "glue2.tsv",
        "index\tsentence1\tsentence2\tgold_label\n0\tp\th\tneutral\n1\tp\th\t-\n",
      ),
    ),
    [{ texts: ["p", "h"], label: 1 }],
  );
  deepStrictEqual(
    await examplesOf(
      "race",
      written(
        "q.jsonl",
        JSON.stringify({
          article: "A.",
          question: "Q _",
          options: ["a", "b", "c", "d"],
          answer: "C",
        }),
      ),
    ),
    [{ texts: ["A.\nQ _"], options: ["a", "b", "c", "d"], label: 2 }],
  );
  deepStrictEqual(
    await examplesOf(
      "stsb",
      written("named.csv", 'sentence1,sentence2,score\n"a, b","c ""d""",0\n'),
    ),
    [{ texts: ["a, b", 'c "d"'], label: 0 }],
  );
});

const passage = {
  article: "A.",
  questions: ["Q"],
  options: [["a", "b", "c", "d"]],
  answers: ["A"],
};

/** Files that are refused, and why. */
const refused: readonly [TaskFormat, string, string, RegExp][] = [
  [
    "sst2",
    "a.tsv",
    "sentence\tlabel\nfine\t1\nx\t2\n",
    /"a\.tsv", line 3, field "label": expected one of negative, positive, or its number, found "2"/,
  ],
  [
    "sst2",
    "b.tsv",
    "sentence\tlabel\n \t1\n",
    /line 2, field "sentence": expected text, found " "/,
  ],
  [
    "sst2",
    "c.tsv",
    "text\tlabel\nx\t1\n",
    /field "sentence": expected text, found none among text, label/,
  ],
  [
    "sst2",
    "d.jsonl",
    '{"sentence": "x", "label": -1}\n',
    /found -1; the labels of GLUE's test files are hidden/,
  ],
  ["sst2", "e.jsonl", "[1]\n", /line 1: expected an object, found an array/],
  ["sst2", "f.doc", "x", /expected a name that ends in \.jsonl, \.tsv or \.parquet/],
  [
    "mnli",
    "a.jsonl",
    '{"sentence1": "x", "sentence2": "y", "gold_label": "maybe"}\n',
    /field "gold_label": expected one of entailment/,
  ],
  [
    "mnli",
    "b.jsonl",
    '{"sentence1": "x", "gold_label": "neutral"}\n',
    /field "sentence2": expected text/,
  ],
  ["mnli", "c.jsonl", '{"sentence1": "x", \n', /"c\.jsonl", line 1/],
  [
    "stsb",
    "a.csv",
    "x,y,5.1\n",
    /line 1, field "score": expected a number from 0 to 5, found "5.1"/,
  ],
  ["stsb", "b.csv", "x,y\n", /"b\.csv", line 1: expected 3 cells, found 2/],
  [
    "stsb",
    "c.csv",
    'x,y,1\nx,"y,1\n',
    /"c\.csv", line 2: expected a quote that ends the cell, found none at column 3/,
  ],
  ["stsb", "d.csv", "x,y,\n", /field "score"/],
  [
    "race",
    "a.jsonl",
    JSON.stringify({ ...passage, answers: ["E"] }),
    /field "answers": expected one of A, B, C, D, found "E"/,
  ],
  [
    "race",
    "b.jsonl",
    JSON.stringify({ ...passage, answers: [] }),
    /field "answers": expected a list of texts, found \[\]/,
  ],
  [
    "race",
    "c.jsonl",
    JSON.stringify({ ...passage, options: [["a", "b", "c"]] }),
    /field "options": expected 4 texts/,
  ],
  [
    "race",
    "d.jsonl",
    JSON.stringify({ ...passage, options: [] }),
    /expected 1 lists, one for each question/,
  ],
  ["race", "e.txt", "not JSON", /"e\.txt": expected a passage as JSON/],
];

for (const [format, name, content, expected] of refused) {
  Deno.test(`${format} refuses ${name}: ${expected.source.slice(0, 50)}`, async () => {
    await rejects(
      examplesOf(format, written(name, content)),
      (error: Error) => error instanceof StageError && expected.test(error.message),
    );
  });
}

Deno.test("tasks refuse a file that is not there, and a format that is not known", async () => {
  for (const format of taskFormatNames) {
    const name = { sst2: "x.tsv", mnli: "x.jsonl", stsb: "x.csv", race: "x.txt" }[format];
    await rejects(examplesOf(format, join(folder, "none", name)), /nothing there/);
  }
  throws(() => taskFormatModule("sst"), UsageError);
});
