import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { projectRoot } from "../support/paths.ts";
import { inventedDocuments } from "./support.ts";

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

async function tokenizer(
  args: readonly string[],
  input: string | Uint8Array = "",
): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(projectRoot, "pipeline/commands/tokenizer.ts"), ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return { code, output: text(stdout), errors: text(stderr), bytes: stdout };
}

Deno.test("tokenizer train, encode, decode and inspect work together", async () => {
  using folder = temporaryFolder();
  const lines = inventedDocuments(80).flatMap(({ text }) => text.split("\n"));
  const corpus = folder.write("corpus.txt", lines.map((line) => line + "\n").join(""));
  const own = join(folder.path, "own");
  const trained = await tokenizer([
    ...["train", "--input", corpus, "--vocab-size", "500", "--output", own],
    ...["--split-by-number", "false", "--sentencepiece"],
  ]);
  assert.equal(trained.code, 0, trained.errors);
  assert.deepEqual([...Deno.readDirSync(own)].map(({ name }) => name).sort(), [
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer.vocab",
    "tokenizer_config.json",
  ]);

  const text = ["balo mi", "", "  sun 山水", "x😀\t", "last"].join("\n"); // no line feed at the end
  const encoded = await tokenizer(["encode", "--tokenizer", own], text);
  assert.equal(encoded.code, 0, encoded.errors);
  assert.equal(encoded.output.split("\n").length, 6);
  const decoded = await tokenizer(["decode", "--tokenizer", own], encoded.output);
  assert.equal(decoded.output, text + "\n");
  const twoThreads = await tokenizer(["encode", "-t", own, "--threads", "2"], text);
  assert.equal(twoThreads.output, encoded.output);
  const pieces = await tokenizer(["encode", "-t", own, "--pieces"], "balo");
  assert.equal(pieces.output.replaceAll(" ", ""), "balo\n");
  const json = JSON.parse(
    (await tokenizer(["encode", "-t", own, "--format", "json"], "balo")).output,
  );
  assert.equal(json.pieces.join(""), "balo");
  const arrow = tableFromIPC((await tokenizer(["encode", "-t", own, "-f", "arrow"], text)).bytes);
  assert.equal(arrow.numRows, 5);
  const model = join(own, "tokenizer.model");
  const exact = await tokenizer(["encode", "-t", model, "--exact-ties"], "balo mi");
  assert.equal(exact.output.split("\n")[0], encoded.output.split("\n")[0]);

  const records = [{ text: "balo\nmi" }, { text: "sun" }].map((r) => JSON.stringify(r) + "\n").join(
    "",
  );
  const jsonl = folder.write("records.jsonl.gz", gzipSync(records));
  const file = join(folder.path, "ids.txt");
  const fromFile = await tokenizer(["encode", "-t", own, "-i", jsonl, "-o", file]);
  assert.equal(fromFile.code, 0, fromFile.errors);
  assert.equal(Deno.readTextFileSync(file).trimEnd().split("\n").length, 2);
  assert.equal(
    (await tokenizer(["decode", "-t", own], Deno.readTextFileSync(file))).output,
    "balo\nmi\nsun\n",
  );

  const inspected = await tokenizer(["inspect", "-t", own, "-i", jsonl, "--json"]);
  const inspection = JSON.parse(inspected.output);
  assert.deepEqual(
    [
      inspection.vocabSize,
      inspection.texts,
      inspection.words,
      inspection.bytes,
      inspection.characters,
    ],
    [500, 2, 3, 10, 10],
  );
  assert.ok(inspection.coverage === 0.9 && inspection.byteFallbackShare > 0, inspected.output); // the line feed
  assert.ok(inspection.unigramEntropyBits > 0 && inspection.fertility >= 1);
  assert.match(
    (await tokenizer(["inspect", "-t", own], text)).output,
    /fertility \(tokens per word\) +\d/,
  );
});

Deno.test("tokenizer says what is wrong, with the exit code for it", async () => {
  using folder = temporaryFolder();
  const corpus = folder.write("corpus.txt", "aaaa\naaaa\n");
  const own = join(folder.path, "own");
  const cases: [string[], string | Uint8Array, number, RegExp][] = [
    [["encode"], "", 2, /required option '-t, --tokenizer <path>'/],
    [["encode", "-t", own], "", 1, /Cannot read tokenizer ".*own": .* found nothing there/],
    [["encode", "-t", own, "-f", "xml"], "", 2, /Cannot write format "xml": expected one of ids/],
    [["encode", "-t", own, "--threads", "0"], "", 2, /--threads 0: expected a whole number/],
    [
      ["encode", "-t", own, "--invalid", "skip"],
      "",
      2,
      /--invalid skip: expected error or replace/,
    ],
    [
      ["train", "-i", corpus, "-o", own, "--vocab-size", "x"],
      "",
      2,
      /vocabSize "x": expected a number/,
    ],
    [
      ["train", "-i", corpus, "-o", own, "--vocab-size", "5"],
      "",
      2,
      /expected a whole number from 26?3? ?/,
    ],
    [["train", "-i", corpus, "-o", own, "--vocab-size", "9000"], "", 1, /the largest possible/],
    [["frob"], "", 2, /unknown command 'frob'/],
  ];
  const outcomes = await Promise.all(cases.map(([args, input]) => tokenizer(args, input)));
  outcomes.forEach(({ code, errors }, i) => {
    assert.match(errors, cases[i][3]);
    assert.equal(code, cases[i][2], errors);
  });
  assert.throws(() => Deno.statSync(own), Deno.errors.NotFound);

  const trained = await tokenizer(["train", "-i", corpus, "-o", own, "--vocab-size", "266"]);
  assert.equal(trained.code, 0, trained.errors);
  const bad = Uint8Array.of(0x61, 0x0a, 0x61, 0xff, 0x0a);
  const output = join(folder.path, "ids.txt");
  const refused = await tokenizer(["encode", "-t", own, "-o", output], bad);
  assert.match(refused.errors, /standard input: expected UTF-8, found the bytes ff 0a at offset 3/);
  assert.equal(refused.code, 1);
  assert.ok(![...Deno.readDirSync(folder.path)].some(({ name }) => name.startsWith("ids.txt")));
  const replaced = await tokenizer(["encode", "-t", own, "--invalid", "replace"], bad);
  const decoded = await tokenizer(["decode", "-t", own], replaced.output);
  assert.equal(decoded.output, "a\na\ufffd\n");
  const badIds = await tokenizer(["decode", "-t", own], "5\n5 700\n");
  assert.match(badIds.errors, /line 2, number 2: expected an id from 0 to 265, found "700"/);
});

function temporaryFolder() {
  const path = Deno.makeTempDirSync();
  return {
    path,
    write(name: string, content: string | Uint8Array): string {
      const file = join(path, name);
      if (typeof content === "string") Deno.writeTextFileSync(file, content);
      else Deno.writeFileSync(file, content);
      return file;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
