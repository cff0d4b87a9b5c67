/**
 * What commands say of input that is not as it must be: a code and a sentence, before any work is done, and nothing left behind.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommand } from "../../commands/command_line.ts";
import { dataset } from "../../commands/dataset.ts";
import { tokenizer } from "../../commands/tokenizer.ts";
import { captured, toyHere } from "../support/captured.ts";
import { inTemporaryFolder, namesIn } from "../support/toy_cli.ts";

/** Runs a command in this process; the store of pipeline commands is `DIR/store`. */
const programs = {
  pipeline: (args: readonly string[], folder: string) => toyHere(join(folder, "store"), args),
  dataset: (args: readonly string[]) => captured(() => runCommand(dataset, args, undefined)),
  tokenizer: (args: readonly string[]) => captured(() => runCommand(tokenizer, args, undefined)),
};

type Case = readonly [line: string, code: number, message: RegExp];

/** By program: words with a space between, DIR a folder, '' an empty text; the exit code; what standard error says. */
const cases: Readonly<Record<keyof typeof programs, readonly Case[]>> = {
  pipeline: [
    ["rnu", 2, /unknown command 'rnu'\n\(Did you mean run\?\)/],
    ["run --vesion", 2, /unknown option '--vesion'\n\(Did you mean --version\?\)/],
    ["run ''", 2, /Cannot accept <targets> "": expected a value, found an empty text\n$/],
    ["run --set", 2, /option '--set <path=value>' argument missing/],
    ["run --jobs 0x10", 2, /Cannot accept --jobs 0x10: expected a whole number of 1 or more\n$/],
    ["run --jobs 1e99", 2, /Cannot accept --jobs 1e99: expected a whole number/],
    ["run --jobs 5000", 2, /Cannot accept --jobs 5000: expected at most 1024\n$/],
    ["run --jobs -1", 2, /Cannot accept --jobs -1: expected a whole number of 1 or more/],
    ["run --keep-checkpoints x --dry-run", 2, /Cannot accept --keep-checkpoints x/],
    ["run --engine ''", 2, /Cannot accept --engine "": expected a value/],
    ["gc --days -1", 2, /Cannot accept --days -1: expected a number of 0 or more/],
    ["gc --days 1_000", 2, /Cannot accept --days 1_000: expected a number/],
    ["graph --format svgg", 2, /Cannot draw a graph as "svgg" \(did you mean "svg"\?\)/],
    ["log words/a words/b", 2, /too many arguments/],
    ["push ''", 2, /Cannot accept <to> "": expected a value/],
    ["pull ''", 2, /Cannot accept <from> "": expected a value/],
    ["table --layers 3", 2, /Cannot make tables of sizes: expected a project that has some/],
  ],
  dataset: [
    ["inspekt", 2, /unknown command 'inspekt'\n\(Did you mean inspect\?\)/],
    ["inspect DIR/README.md", 2, /Cannot read "\/.*\/README\.md": expected a name that ends in/],
    ["cat DIR/bad.jsonl", 1, /Cannot read "\/.*\/bad\.jsonl", line 2: expected JSON/],
    ["cat DIR/rows.jsonl --limit 99999999999999999999", 2, /Cannot accept --limit 9+: expected/],
    ["cat DIR/rows.jsonl --limit ''", 2, /Cannot accept --limit "": expected a value/],
    ["cat DIR/rows.jsonl -o ''", 2, /Cannot accept --output "": expected a value/],
    ["cat DIR/rows.jsonl -f jsno", 2, /Cannot print as "jsno" \(did you mean "json"\?\)/],
    ["cat DIR/rows.jsonl -o DIR/x.csv", 2, /Cannot write ".*x\.csv": expected a name that ends in/],
    [
      "cat DIR/rows.jsonl -f arrow -o DIR/x.parquet",
      2,
      /Cannot write ".*x\.parquet" as arrow: expected a name that ends in \.arrow, \.feather\n$/,
    ],
    ["cat DIR/rows.jsonl -o DIR", 2, /Cannot write ".*": expected a place for a file/],
    ["cat DIR/rows.jsonl -o DIR/no/x", 2, /Cannot write to ".*no": expected a folder, found noth/],
  ],
  tokenizer: [
    ["encode --tokenizer ''", 2, /Cannot accept --tokenizer "": expected a value/],
    ["encode -t DIR --threads 99999", 2, /Cannot accept --threads 99999: expected at most 1024\n$/],
    ["encode -t DIR --pieces -f json", 2, /Cannot write --pieces as json: expected one format/],
    ["encode -t DIR -o DIR/x.parquet", 2, /Cannot write ".*x\.parquet": expected a name that ends/],
    ["train -i '' -o DIR/t", 2, /Cannot accept --input "": expected a value/],
    ["train -i DIR/rows.jsonl -o DIR/t --vocab-size 0x200", 2, /"0x200": expected a number/],
    ["train -i DIR/rows.jsonl -o DIR/rows.jsonl", 2, /expected a folder, found a file at "/],
    ["train -i DIR/rows.jsonl -o /proc/tokenizer", 2, /Cannot write to "\/proc\/tokenizer"/],
  ],
};

for (const [program, lines] of Object.entries(cases)) {
  for (const [line, code, message] of lines) {
    Deno.test(`${program} ${line}: ends with code ${code} and says why`, () =>
      inTemporaryFolder(async (folder) => {
        Deno.writeTextFileSync(join(folder, "rows.jsonl"), `{"text":"a"}\n`);
        Deno.writeTextFileSync(join(folder, "bad.jsonl"), `{"text":"a"}\n{"text"\n`);
        Deno.writeTextFileSync(join(folder, "README.md"), "a\n");
        const args = line.split(" ").map((word) => word === "''" ? "" : word)
          .map((word) => word.replace("DIR", folder));
        const found = await programs[program as keyof typeof programs](args, folder);
        assert.match(found.stderr, message);
        assert.doesNotMatch(found.stderr, /\n +at /, "no stack");
        assert.equal(found.code, code);
        const made = namesIn(folder).filter((name) =>
          !/^((rows|bad)\.jsonl|README\.md|store)$/.test(name)
        );
        assert.deepEqual(made, []);
      }));
  }
}

Deno.test("every command line says its version", async () => {
  const { version } = JSON.parse(
    Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
  );
  for (const run of Object.values(programs)) {
    const { code, stdout } = await run(["--version"], ".");
    assert.equal(code, 0);
    assert.ok(stdout.startsWith(`${version} (deno `), stdout);
  }
});

Deno.test("dataset cat writes through a link to a file, and never replaces a device", () =>
  inTemporaryFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    Deno.writeTextFileSync(path("rows.jsonl"), `{"text":"a"}\n`);
    Deno.writeTextFileSync(path("target.jsonl"), "old\n");
    Deno.symlinkSync(path("target.jsonl"), path("link.jsonl"));
    Deno.symlinkSync("/dev/null", path("null"));
    for (const [output, format] of [["link.jsonl", "json"], ["null", "json"], ["null", "arrow"]]) {
      const args = ["cat", path("rows.jsonl"), "-f", format, "-o", path(output)];
      const { code, stderr } = await programs.dataset(args);
      assert.equal(code, 0, stderr);
      assert.ok(Deno.lstatSync(path(output)).isSymlink, output);
    }
    assert.equal(Deno.readTextFileSync(path("target.jsonl")), `{"text":"a"}\n`);
  }));

Deno.test("dataset cat -o takes the format that the end of the name says", () =>
  inTemporaryFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    Deno.writeTextFileSync(path("rows.jsonl"), `{"text":"a"}\n`);
    assert.equal(
      (await programs.dataset(["cat", path("rows.jsonl"), "-o", path("x.parquet")])).code,
      0,
    );
    assert.equal(Deno.readTextFileSync(path("x.parquet")).slice(0, 4), "PAR1");
    assert.equal((await programs.dataset(["cat", path("x.parquet")])).stdout, `{"text":"a"}\n`);
  }));

Deno.test("what cannot be printed is an error of the output, of help and rows too", () =>
  inTemporaryFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "rows.jsonl"), `{"text":"a"}\n`);
    const full = () => {
      throw new Error("No space left on device (os error 28)");
    };
    for (const args of [["--help"], ["--version"], ["cat", join(folder, "rows.jsonl")]]) {
      const run = () => runCommand(dataset, args, undefined);
      const { code, stderr } = await captured(run, { stdout: full });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^error: Cannot write to standard output: expected room.*, found it full\n$/,
      );
    }
  }));

Deno.test("bytes do not go to a terminal", () =>
  inTemporaryFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "rows.jsonl"), `{"text":"a"}\n`);
    const { isTerminal } = Deno.stdout;
    Deno.stdout.isTerminal = () => true;
    try {
      const args = ["cat", join(folder, "rows.jsonl"), "-f", "parquet"];
      const { code, stdout, stderr } = await programs.dataset(args);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(
        stderr,
        /Cannot write bytes to a terminal: expected a file \(-o FILE\) or a pipe/,
      );
    } finally {
      Deno.stdout.isTerminal = isTerminal;
    }
  }));
