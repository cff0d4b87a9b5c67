import assert from "node:assert/strict";
import { join } from "node:path";
import { formatModel, parseModel } from "../../tokenizers/sentencepiece/model_file.ts";
import {
  loadSentencePiece,
  saveSentencePiece,
  saveVocabulary,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import { SentencePieceTokenizer } from "../../tokenizers/sentencepiece/sentencepiece_tokenizer.ts";
import { damaged, fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { lacksSpm, spmDecode, spmEncode, spmTrain } from "../support/spm.ts";
import { train } from "./support.ts";
import { temporaryFolder } from "../support/command_line.ts";

/** Options of spm_train by the name of what they cover. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  "its defaults": [],
  "identity, every space kept, bytes": [
    "--normalization_rule_name=identity",
    "--add_dummy_prefix=false",
    "--remove_extra_whitespaces=false",
    "--byte_fallback=true",
    "--allow_whitespace_only_pieces=true",
  ],
  "identity": ["--normalization_rule_name=identity"],
  "symbols of the user": ["--user_defined_symbols=[SEP],user sym,▁▁", "--control_symbols=[CLS]"],
  "white space as a suffix": ["--treat_whitespace_as_suffix=true"],
  "pieces over spaces": ["--split_by_whitespace=false", "--normalization_rule_name=nmt_nfkc_cf"],
};

for (const [kind, options] of Object.entries(kinds)) {
  Deno.test({
    name: `SentencePieceTokenizer gives spm_encode's ids and spm_decode's text: ${kind}`,
    ignore: lacksSpm,
    fn() {
      using folder = temporaryFolder();
      const model = trainedModel(folder.path, options);
      const parsed = parseModel(Deno.readFileSync(model));
      assert.deepEqual(formatModel(parsed), new Uint8Array(Deno.readFileSync(model)));
      const text = new TextEncoder().encode(fuzzLines(500).join("\n") + "\n");
      for (const [name, bytes] of Object.entries({ whole: text, bad: damaged(text) })) {
        const file = join(folder.path, `${name}.txt`);
        Deno.writeFileSync(file, bytes);
        const expected = spmEncode(model, file);
        const exact = new SentencePieceTokenizer(parsed, { exactTies: true });
        assert.deepEqual(idLines(exact, bytes), expected, name);
        // a second time: now from the cache
        assert.deepEqual(idLines(exact, bytes), expected, name);
        const ours = idLines(new SentencePieceTokenizer(parsed), bytes);
        const ties = ours.filter((line, i) => line !== expected[i]).length;
        assert.ok(ties <= expected.length * 0.15, `${ties} of ${expected.length} lines differ`);
        ours.forEach((line, i) => assertSameScore(parsed, line, expected[i]));
        if (name !== "whole") continue;
        const ids = join(folder.path, "ids.txt");
        Deno.writeTextFileSync(ids, expected.map((line) => line + "\n").join(""));
        const decoded = expected.map((line) => exact.decode(numbers(line)));
        assert.deepEqual(decoded, spmDecode(model, ids));
      }
    },
  });
}

Deno.test({
  name: "sentencePieceModelOf() makes a model whose ids in spm_encode are ours",
  ignore: lacksSpm,
  async fn() {
    using folder = temporaryFolder();
    const ours = await train(inventedDocuments(60), { vocabSize: 450 });
    const path = join(folder.path, "tokenizer.model");
    const model = sentencePieceModelOf(ours);
    saveSentencePiece(path, model);
    assert.deepEqual(parseModel(Deno.readFileSync(path)), model);
    // White space in runs, where SentencePiece knows no words, is left out; so is its mark for a space.
    const lines = inventedDocuments(80).flatMap(({ text }) => text.split("\n"))
      .map((line) => line.replace(/ {2,}/g, " ").trimEnd());
    const bytes = new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
    const file = join(folder.path, "text.txt");
    Deno.writeFileSync(file, bytes);
    const expected = spmEncode(path, file);
    const exact = loadSentencePiece(path, { exactTies: true });
    assert.deepEqual(idLines(exact, bytes), expected);
    const same = idLines(ours, bytes).filter((line, i) => line === expected[i]).length;
    assert.ok(same >= 0.98 * expected.length, `${same} of ${expected.length} lines`);
  },
});

Deno.test({
  name: "saveVocabulary() writes what spm_train writes",
  ignore: lacksSpm,
  fn() {
    using folder = temporaryFolder();
    const model = trainedModel(folder.path, []);
    const vocabulary = model.replace(/model$/, "vocab");
    const ours = join(folder.path, "ours.vocab");
    const parsed = parseModel(Deno.readFileSync(model));
    saveVocabulary(ours, parsed);
    assert.equal(Deno.readTextFileSync(ours), Deno.readTextFileSync(vocabulary));
  },
});

Deno.test({
  name: "encodeWithOffsets() says what each piece stands for, before normalisation",
  ignore: lacksSpm,
  fn() {
    using folder = temporaryFolder();
    const tokenizer = loadSentencePiece(trainedModel(folder.path, []), { exactTies: true });
    for (const line of fuzzLines(200)) {
      const { ids, starts, ends } = tokenizer.encodeWithOffsets(line);
      assert.deepEqual(ids, tokenizer.encode(line));
      for (let i = 0; i < ids.length; i++) {
        assert.ok(starts[i] <= ends[i] && ends[i] <= line.length);
        if (i > 0) assert.ok(starts[i] >= ends[i - 1] || starts[i] === starts[i - 1], line);
      }
    }
    const { ids, starts, ends } = tokenizer.encodeWithOffsets("  ﬁ 山");
    const pieces = Array.from(
      ids,
      (id, i) => [tokenizer.piece(id), "  ﬁ 山".slice(starts[i], ends[i])],
    );
    assert.equal(pieces.map(([piece]) => piece).join("").replaceAll("▁", ""), "fi山");
    assert.ok(pieces.some(([, surface]) => surface.includes("ﬁ")));
    assert.ok(pieces.at(-1)![1].endsWith("山"));
  },
});

function trainedModel(folder: string, options: readonly string[]): string {
  const corpus = join(folder, "corpus.txt");
  const documents = inventedDocuments(150).map(({ text }) => text.replaceAll(/\s+/g, " "));
  Deno.writeTextFileSync(corpus, [...documents, ...fuzzLines(60, "corpus")].join("\n"));
  const size = options.includes("--byte_fallback=true") ? 520 : 260;
  return spmTrain(
    folder,
    "model",
    corpus,
    `--vocab_size=${size}`,
    "--hard_vocab_limit=false",
    ...options,
  );
}

function idLines(
  tokenizer: {
    encodeLines(bytes: Uint8Array, invalid: "replace"): { ids: Int32Array; ends: Int32Array };
  },
  bytes: Uint8Array,
): string[] {
  const { ids, ends } = tokenizer.encodeLines(bytes, "replace");
  return Array.from(ends, (end, i) => ids.subarray(i === 0 ? 0 : ends[i - 1], end).join(" "));
}

function numbers(line: string): number[] {
  return line === "" ? [] : line.split(" ").map(Number);
}

/** Two segmentations of a line may differ only where they score alike, to single precision. */
function assertSameScore(
  { pieces }: ReturnType<typeof parseModel>,
  ours: string,
  theirs: string,
): void {
  const scoreOf = (line: string) => numbers(line).reduce((sum, id) => sum + pieces[id].score, 0);
  if (ours === theirs) return;
  const [a, b] = [scoreOf(ours), scoreOf(theirs)];
  assert.ok(Math.abs(a - b) <= 1e-5 * Math.abs(a) + 1e-5, `${a} and ${b}: ${ours} | ${theirs}`);
}
