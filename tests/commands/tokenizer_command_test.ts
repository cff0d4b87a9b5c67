import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { tableFromIPC } from "apache-arrow";
import { projectRoot } from "../support/paths.ts";
import { saveTokenizer, UnigramTokenizer } from "../../tokenizers/mod.ts";
import { bpeFile, temporaryFolder, wordPieceFile } from "../instruments/foreign_files.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { tokenizerOf } from "../tokenizers/support.ts";

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
    args: ["run", "-A", "--no-check", join(projectRoot, "commands/tokenizer.ts"), ...args],
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
  const empty = folder.write("empty.txt", "");
  const records = folder.write("records.jsonl", JSON.stringify({ body: "a" }) + "\n");
  const bytes = folder.write("bytes.txt", Uint8Array.of(0x61, 0x62, 0xff));
  const vocabulary = Deno.makeTempDirSync({ dir: folder.path });
  saveTokenizer(vocabulary, tokenizerOf({ a: 0.5 }));
  const notThere = /Cannot read ".*no\.txt": expected a file, found nothing there/;
  const own = join(folder.path, "own");
  const cases: [string[], string | Uint8Array, number, RegExp][] = [
    [["encode"], "", 2, /required option '-t, --tokenizer <path>'/],
    [["encode", "-t", own], "", 1, /Cannot read tokenizer ".*own": .* found nothing there/],
    [["encode", "-t", own, "-f", "xml"], "", 2, /Cannot write format "xml": expected one of ids/],
    [["encode", "-t", own, "--threads", "0"], "", 2, /--threads 0: expected a whole number/],
    [["encode", "-t", own, "--threads", "9999"], "", 2, /--threads 9999: expected at most 1024/],
    [
      ["encode", "-t", own, "--invalid", "skip"],
      "",
      2,
      /--invalid "skip": expected one of error, replace/,
    ],
    [
      ["train", "-i", corpus, "-o", own, "--vocab-size", "x"],
      "",
      2,
      /--vocab-size "x": expected a number/,
    ],
    [
      ["train", "-i", corpus, "-o", own, "--vocab-size", "5"],
      "",
      2,
      /Cannot accept --vocab-size: expected a whole number from 263 to \d+, found 5/,
    ],
    [["train", "-i", corpus, "-o", own, "--vocab-size", "9000"], "", 1, /the largest possible/],
    [
      ["train", "-i", corpus, "-o", corpus],
      "",
      2,
      /Cannot write to ".*": expected a folder, found a/,
    ],
    [["train", "-i", empty, "-o", own], "", 1, /the text is empty/],
    [["train", "-i", corpus, join(folder.path, "no.txt"), "-o", own], "", 1, notThere],
    [["train", "-i", folder.path, "-o", own], "", 1, /expected a file, found a folder/],
    [["train", "-i", records, "-o", own], "", 1, /expected a field "text".*\(--text-field says/],
    [["encode", "-t", corpus], "", 1, /expected JSON \(or a name that ends in \.model\), found/],
    [["encode", "-t", vocabulary, "-i", join(folder.path, "no.txt")], "", 1, notThere],
    [
      ["encode", "-t", vocabulary, "-o", join(own, "ids")],
      "a",
      2,
      /expected a folder, found nothing/,
    ],
    [
      ["encode", "-t", vocabulary, "-o", folder.path],
      "a",
      2,
      /expected a place for a file, found a fo/,
    ],
    [["encode", "-t", vocabulary, "--offsets"], "a", 2, /offsets as ids: expected --format json/],
    [["encode", "-t", vocabulary, "--exact-ties"], "a", 1, /expected a SentencePiece \.model/],
    [
      ["inspect", "-t", vocabulary, "-i", bytes],
      "",
      1,
      /expected UTF-8, found the bytes ff at offset 2$/m,
    ],
    [["frob"], "", 2, /unknown command 'frob'/],
  ];
  const outcomes = await Promise.all(cases.map(([args, input]) => tokenizer(args, input)));
  outcomes.forEach(({ code, errors }, i) => {
    assert.match(errors, cases[i][3]);
    assert.equal(code, cases[i][2], errors);
  });
  assert.throws(() => Deno.statSync(own), Deno.errors.NotFound);

  // A text of one character: its one piece has all of the probability.
  const single = await tokenizer(["train", "-i", corpus, "-o", own, "--vocab-size", "264"]);
  assert.equal(single.code, 0, single.errors);
  assert.equal((await tokenizer(["encode", "-t", own], "aab")).output, "263 263 105\n");
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

Deno.test("tokenizer encode --offsets says what each piece stands for, and decode reads files", async () => {
  using folder = temporaryFolder();
  const { learned, settings } = tokenizerOf({ f: 0.3, i: 0.2, é: 0.1 });
  const own = new UnigramTokenizer(learned, { ...settings, normalizationRule: "nfkc" });
  saveTokenizer(folder.path, own);
  const base = ["encode", "-t", folder.path];
  const text = "ﬁe\u0301\n\n";
  const { output } = await tokenizer([...base, "--format", "json", "--offsets"], text);
  assert.deepEqual(output.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { ids: [263, 264, 265], pieces: ["f", "i", "é"], starts: [0, 0, 1], ends: [1, 1, 3] },
    { ids: [], pieces: [], starts: [], ends: [] },
  ]);
  // A name without an ending is text, as `<(zcat file)` is; so is what stands packed.
  const plain = folder.write("corpus", text);
  const packed = folder.write("corpus.txt.zst", zstdCompressSync(text));
  const ids = join(folder.path, "some.ids");
  const both = await tokenizer([...base, "-i", plain, packed, "-o", ids]);
  assert.equal(both.code, 0, both.errors);
  const target = join(folder.path, "again");
  const decoded = await tokenizer(["decode", "-t", folder.path, "-i", ids, "-o", target]);
  assert.equal(decoded.code, 0, decoded.errors);
  assert.equal(Deno.readTextFileSync(target), "fié\n\n".repeat(2));
});

Deno.test("tokenizer inspect counts the characters of unknown pieces, however many one stands for", async () => {
  using folder = temporaryFolder();
  const wordPiece = folder.write("word.json", JSON.stringify(wordPieceFile()));
  const { output } = await tokenizer(["inspect", "-t", wordPiece, "--json"], "lower xyz new\n");
  const { tokens, unknownShare, coverage, fertility } = JSON.parse(output);
  assert.deepEqual([tokens, unknownShare, fertility], [4, 1 / 4, 4 / 3]); // low ##er [UNK] new
  assert.equal(coverage, 1 - 3 / 13); // xyz; white space counts as written
});

Deno.test("tokenizer encode that is stopped leaves no file", async () => {
  using folder = temporaryFolder();
  saveTokenizer(folder.path, tokenizerOf({ a: 0.5 }));
  const target = join(folder.path, "ids");
  const script = join(projectRoot, "commands/tokenizer.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, "encode", "-t", folder.path, "-o", target],
    stdin: "piped", // which stays open: it waits
    stderr: "null",
  }).spawn();
  const isThere = () => [...Deno.readDirSync(folder.path)].some((e) => e.name.startsWith("ids"));
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  await child.stdin.close().catch(() => {});
  assert.ok(!isThere());
});

Deno.test("tokenizer says so where the library of other tokenizers ends its process, and leaves no file", async () => {
  using folder = temporaryFolder();
  // The library cuts a character off at both ends of what is left of "a" after the first: found by trying, others remain.
  const decoder = { type: "Strip", content: "a", start: 1, stop: 1 };
  const file = folder.write("strip.json", JSON.stringify({ ...bpeFile(), decoder }));
  const output = join(folder.path, "text.txt");
  const words = ["decode", "--tokenizer", file];
  const ended = await tokenizer([...words, "-o", output], "98\n"); // the piece of byte 97, "a"
  assert.equal(ended.code, 1, ended.errors);
  assert.match(
    ended.errors,
    /^error: Cannot use tokenizer ".*strip\.json": expected .* that the npm package "tokenizers" takes, found that its process was ended \(SIGABRT\)$/m,
  );
  assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
  const fine = await tokenizer(words, "99\n");
  assert.deepEqual([fine.code, fine.output], [0, "b\n"], fine.errors);
});
