/**
 * `deno task dataset`, as a user calls it.
 */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openLocal } from "../../datasets/mod.ts";
import { reader as arrow } from "../../datasets/readers/arrow.ts";
import { reader as parquet } from "../../datasets/readers/parquet.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";

async function dataset(args: readonly string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(projectRoot, "commands/dataset.ts"), ...args],
    cwd: projectRoot,
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

const rows = [
  { id: 1, content: "first é", meta: { set: "A" } },
  { id: 2, content: "second", meta: { set: "B" } },
  { id: 9007199254740993n, content: null, meta: null },
];
const lines = rows.map((row) =>
  JSON.stringify(row, (_, value) => typeof value === "bigint" ? Number(value) : value)
).join("\n");

Deno.test("dataset inspect says format, rows, columns, text column, first rows and problems", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.jsonl.gz");
  Deno.writeFileSync(path, gzipSync(`${lines}\nnot json\n`));
  const { code, stdout } = await dataset(["inspect", path, "--json"]);
  strictEqual(code, 0);
  const found = JSON.parse(stdout);
  deepStrictEqual(
    { ...found, bytes: 0, first: found.first.length },
    {
      file: path,
      format: "jsonl",
      bytes: 0,
      columns: [
        { name: "id", type: "number" },
        { name: "content", type: "null | string" },
        { name: "meta", type: "null | object" },
      ],
      textColumn: "content",
      first: 3,
      rows: 4,
      rowsAreExact: true,
      problems: { rows: 1, first: ['line 4: expected JSON, found unexpected "o" at column 2'] },
    },
  );
  const shown = await dataset(["inspect", path]);
  deepStrictEqual(shown.stdout.split("\n").slice(1), [
    "  columns:",
    "    id       number",
    "    content  null | string  <- text",
    "    meta     null | object",
    "  first texts:",
    "    first é",
    "    second",
    "    null",
    "  1 bad row:",
    '    line 4: expected JSON, found unexpected "o" at column 2',
    "",
  ]);
});

Deno.test("dataset inspect tells columns of several files once, and what may be meant otherwise", async () => {
  using folder = temporaryFolder();
  for (const name of ["a", "b", "c"]) {
    Deno.writeTextFileSync(join(folder.path, `${name}.jsonl`), lines);
  }
  Deno.writeTextFileSync(join(folder.path, "d.parquet"), "this is no parquet file");
  Deno.writeTextFileSync(join(folder.path, "e.csv"), "a sentence,another,5.0\nof words,more,4.2\n");
  const { code, stdout } = await dataset(["inspect", folder.path]);
  strictEqual(code, 1);
  strictEqual(stdout.match(/columns:/g)!.length, 2); // of jsonl and csv
  match(
    stdout,
    /c\.jsonl: jsonl, \d+ B, 3 rows\n\n\S+d\.parquet: parquet, 23 B\n {2}refused: Cannot read/,
  );
  match(stdout, /note: the first row is taken for the names of columns, yet "5\.0" is a number\n/);
  match(stdout, /\n5 files: \d+ B, 10 rows, 1 refused\n$/);
});

Deno.test("dataset inspect leaves with 1 for what is refused, 2 for what is named wrongly", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.parquet");
  Deno.writeTextFileSync(path, "this is no parquet file");
  const refused = await dataset(["inspect", path, "--json"]);
  strictEqual(refused.code, 1);
  match(
    JSON.parse(refused.stdout).error,
    /^Cannot read ".*\/a\.parquet": expected "PAR1" at the end/,
  );
  strictEqual((await dataset(["inspect", join(folder.path, "absent.json")])).code, 1);
  const unknown = await dataset(["inspect", "codes"]);
  strictEqual(unknown.code, 2);
  match(unknown.stderr, /a source of recipe "sample" \(.*\) \(did you mean "code"\?\)/);
  strictEqual((await dataset(["inspect"])).code, 2);
});

Deno.test("dataset inspect and cat take a source of a recipe", async () => {
  const { code, stdout } = await dataset(["inspect", "code", "--json"]);
  strictEqual(code, 0);
  const [train, validation] = JSON.parse(stdout).files;
  strictEqual(`${train.source} ${train.generator} ${train.first.length}`, "code/train code 3");
  strictEqual(validation.source, "code/validation");
  const cat = await dataset(["cat", "code", "--limit", "2"]);
  deepStrictEqual(
    cat.stdout.trim().split("\n").map((line) => JSON.parse(line).text),
    train.first.slice(0, 2).map(({ text }: { text: string }) => text),
  );
});

Deno.test("dataset cat prints rows, a column or a field, and files by columns that read back", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  Deno.writeTextFileSync(path, lines);
  const printed = await dataset(["cat", path, "--limit", "2"]);
  strictEqual(printed.stdout, lines.split("\n").slice(0, 2).join("\n") + "\n");
  strictEqual(
    (await dataset(["cat", path, "--column", "meta.set", "-n", "1"])).stdout,
    '{"meta.set":"A"}\n',
  );
  for (const [format, reader] of [["parquet", parquet], ["arrow", arrow]] as const) {
    const output = join(folder.path, `out.${format}`);
    strictEqual((await dataset(["cat", path, "--format", format, "--output", output])).code, 0);
    const read: unknown[] = [];
    await using input = await openLocal(output);
    for await (const batch of await reader.readRecords(input, { maxRowBytes: 1e6 })) {
      for (const record of batch) if ("value" in record) read.push(record.value);
    }
    deepStrictEqual(read.slice(0, 2), [
      { id: 1, content: "first é", meta: '{"set":"A"}' },
      { id: 2, content: "second", meta: '{"set":"B"}' },
    ]);
  }
  const wrong = await dataset(["cat", join(folder.path, "out.parquet"), "-c", "contents"]);
  strictEqual(wrong.code, 2);
  match(
    wrong.stderr,
    /Cannot print column "contents".*did you mean "content"\?.*it has id, content, meta/,
  );
  strictEqual((await dataset(["cat", path, "--format", "xml"])).code, 2);
});
