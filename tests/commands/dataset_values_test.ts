/**
 * `dataset cat` and `dataset inspect` give values as a file has them, or say which row has none that can be given.
 */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { command as cat } from "../../commands/dataset_cat.ts";
import { inspectFile } from "../../commands/file_inspection.ts";
import { type DocumentReader, openLocal, readerModule } from "../../datasets/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

const act = cat.act as (context: undefined, input: string, options: object) => Promise<void>;

/** What `dataset cat` makes of JSON lines: through a file by columns where the format is one. */
async function printed(
  lines: string,
  options: { column?: string; through?: "arrow" | "parquet" } = {},
): Promise<string> {
  using folder = temporaryFolder();
  const { column, through } = options;
  let input = join(folder.path, "a.jsonl");
  Deno.writeTextFileSync(input, lines);
  if (through !== undefined) {
    const output = join(folder.path, `a.${through}`);
    await act(undefined, input, { recipe: "sample", output });
    input = output;
  }
  const output = join(folder.path, "out.jsonl");
  await act(undefined, input, { recipe: "sample", column, output });
  return Deno.readTextFileSync(output);
}

async function inspected(name: string, content: string) {
  using folder = temporaryFolder();
  const path = join(folder.path, name);
  Deno.writeTextFileSync(path, content);
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  return await inspectFile({ name, reader, open: () => openLocal(path) }, true);
}

Deno.test("dataset cat prints numbers as they are written", async () => {
  const lines = '{"a":12345678901234567890,"b":[9007199254740993],"c":1e400,"d":-0.0,"e":0}\n';
  strictEqual(await printed(lines), lines);
});

for (const through of ["arrow", "parquet"] as const) {
  Deno.test(`dataset cat writes numbers to ${through} whole, as text where no type holds them`, async () => {
    const rows = [
      '{"long":9223372036854775807,"longer":9223372036854775808,"real":1.5,"huge":1e400}',
      '{"long":1,"longer":1,"real":-0.0,"huge":2}',
    ];
    const found = await printed(rows.join("\n") + "\n", { through });
    deepStrictEqual(found.trimEnd().split("\n"), [
      '{"long":"9223372036854775807","longer":"9223372036854775808","real":1.5,"huge":"1e400"}',
      '{"long":1,"longer":"1","real":-0.0,"huge":"2"}',
    ]);
  });

  Deno.test(`dataset cat refuses half a character in ${through}, where UTF-8 has no form for it`, async () => {
    await rejects(
      printed('{"t":"a"}\n{"t":{"u":"b\\ud83d"}}\n', { through }),
      /row 2, field "t\.u": expected well-formed Unicode, found a lone surrogate at character 2/,
    );
    await rejects(
      printed('{"\\ud83d":1}\n', { through }),
      /names of fields in well-formed Unicode/,
    );
  });

  Deno.test(`dataset cat writes ${through} columns by names that the language has, too`, async () => {
    const lines = '{"toString":"a","__proto__":"b"}\n{"constructor":"c"}\n';
    const found = (await printed(lines, { through })).trimEnd().split("\n");
    strictEqual(found[0], '{"toString":"a","__proto__":"b","constructor":null}');
    strictEqual(found[1], '{"toString":null,"__proto__":null,"constructor":"c"}');
  });
}

Deno.test("dataset cat --column finds fields of the data, never properties of the language", async () => {
  const line =
    '{"text":"abc","l":[1,2],"a.b":{"c":1},"a":{"b":{"d":2}},"n":12345678901234567890}\n';
  const found = { "a.b.c": 1, "a.b.d": 2, text: '"abc"' };
  for (const [column, value] of Object.entries(found)) {
    strictEqual(await printed(line, { column }), `{"${column}":${value}}\n`);
  }
  const absent = ["text.length", "l.length", "l.0", "hasOwnProperty", "toString.name", "a.nope"];
  for (const column of [...absent, "n.toString", "__proto__"]) {
    await rejects(printed(line, { column }), (error: Error) => {
      const place = `Cannot print column "${column}" of "`;
      return error.message.startsWith(place) && /found it in none of 1$/.test(error.message);
    });
  }
});

Deno.test("dataset cat and inspect refuse rows that are no objects, as a run does", async () => {
  await rejects(printed('{"a":1}\n"text"\n'), /line 2: expected an object, found a string/);
  const found = await inspected("values.jsonl", '{"text":"a"}\n"text"\n5\nnull\n[1]\n');
  strictEqual(found.rows, 5);
  deepStrictEqual(found.problems, {
    rows: 4,
    first: ["a string", "a number", "null", "an array"].map((what, i) =>
      `line ${i + 2}: expected an object, found ${what}`
    ),
  });
  match((await inspected("list.json", '["a", 1]')).error!, /expected an object, found a string/);
});

Deno.test("dataset inspect counts rows with half a character, and takes types from all rows", async () => {
  const bad = await inspected("half.jsonl", '{"text":"a"}\n{"text":"b\\ude00"}\n');
  deepStrictEqual(bad.problems.rows, 1);
  match(bad.problems.first[0], /line 2: field "text": .* lone surrogate at character 2/);
  const rows = `${'{"n":null}\n'.repeat(1500)}{"n":[1]}\n{"m":12345678901234567890}\n`;
  const { columns } = await inspected("late.jsonl", rows);
  deepStrictEqual(columns, [{ name: "n", type: "list | null" }, { name: "m", type: "number" }]);
});
