import assert from "node:assert/strict";
import { join } from "node:path";
import { Random, seedOf, StageError } from "../../base/mod.ts";
import {
  formatModel,
  type ModelPiece,
  parseModel,
  pieceKinds,
} from "../../tokenizers/sentencepiece/model_file.ts";
import {
  loadSentencePiece,
  saveVocabulary,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import { SentencePieceTokenizer } from "../../tokenizers/sentencepiece/sentencepiece_tokenizer.ts";
import { ProtoWriter } from "../../base/mod.ts";
import { charsmapOf } from "./charsmaps.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { tokenizerOf, train } from "./support.ts";
import { temporaryFolder } from "../support/command_line.ts";

const normal = (text: string, score: number): ModelPiece => ({ text, score, kind: 1 });
const unknownPiece: ModelPiece = { text: "<unk>", score: 0, kind: pieceKinds.unknown };

/** A model's bytes; the rest as given. */
function modelOf(pieces: readonly ModelPiece[], rest: Uint8Array = new Uint8Array(0)) {
  return formatModel({ pieces, rest } as Parameters<typeof formatModel>[0]);
}

/** `normalizer_spec` with rules, and flags by field number. */
function normalizerSpec(charsmap: Uint8Array, flags: Readonly<Record<number, boolean>> = {}) {
  const spec = new ProtoWriter().bytes(2, charsmap);
  for (const [field, value] of Object.entries(flags)) spec.int(Number(field), Number(value));
  return new ProtoWriter().bytes(3, spec.finish()).finish();
}

Deno.test("SentencePieceTokenizer normalises by the longest rule, then settles white space", () => {
  const letters = [..."abcdefxyz"].map((c, i) => normal(c, -5 - i));
  const rest = normalizerSpec(
    charsmapOf({ "ab": "x", "abc": "y", "\t": " ", "é": "e", "d\u0301": "z", "…": "" }),
  );
  const model = parseModel(modelOf([unknownPiece, normal("▁", -3), ...letters], rest));
  const tokenizer = new SentencePieceTokenizer(model);
  const written = (text: string) =>
    Array.from(tokenizer.encode(text), (id) => tokenizer.piece(id)).join("");
  assert.equal(written("abcab"), "▁yx");
  assert.equal(written("  a \t é  "), "▁a▁e");
  assert.equal(written("d\u0301 d"), "▁z▁d");
  assert.equal(written("a…b"), "▁ab"); // rules look at the text as it was: no "ab" in it
  assert.equal(written("…"), "");
  assert.equal(written("a … b"), "▁a▁b");
  assert.equal(written("a▁b"), "▁a▁b");
  assert.equal(written("ab ab"), written(" ab\tab "), "the same from the cache");
  assert.equal(tokenizer.decode(tokenizer.encode(" ab  é")), "x e");
});

Deno.test("parseModel() names the place of what it refuses", () => {
  const trainer = (write: (writer: ProtoWriter) => void) => {
    const spec = new ProtoWriter();
    write(spec);
    return new ProtoWriter().bytes(2, spec.finish()).finish();
  };
  const a = normal("a", -1);
  const byte: ModelPiece = { text: "<0x00>", score: 0, kind: pieceKinds.byte };
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /, pieces: expected an unknown piece, found none in 0/],
    [modelOf([a]), /, pieces: expected an unknown piece, found none in 1/],
    [modelOf([unknownPiece]), /, pieces: expected pieces to encode with, found none/],
    [modelOf([unknownPiece, a, a]), /, piece 2: expected pieces that differ, found "a" again/],
    [modelOf([unknownPiece, unknownPiece, a]), /, piece 1: expected pieces that differ/],
    [
      modelOf([unknownPiece, { ...unknownPiece, text: "?" }, a]),
      /, piece 1: expected one unknown piece/,
    ],
    [modelOf([unknownPiece, normal("", -1)]), /, piece 1: expected text without NUL, found ""/],
    [modelOf([unknownPiece, normal("a\0", -1)]), /, piece 1: expected text without NUL/],
    [modelOf([unknownPiece, normal("a", NaN)]), /, piece 1: expected a score .*, found NaN/],
    [modelOf([unknownPiece, normal("a", -Infinity)]), /found -Infinity/],
    [modelOf([unknownPiece, normal("a".repeat(8000), -1)]), /, piece 1: expected fewer than 8000/],
    [
      modelOf([unknownPiece, { ...a, kind: 9 as 1 }]),
      /, piece 1: expected a kind from 1 to 6, found 9/,
    ],
    [modelOf([unknownPiece, a, byte]), /, piece 2: expected no byte pieces without byte_fallback/],
    [
      modelOf([unknownPiece, a, byte], trainer((w) => w.int(35, 1))),
      /, pieces: expected 256 byte pieces, found 1/,
    ],
    [
      modelOf([unknownPiece, a], trainer((w) => w.int(3, 2))),
      /, trainer_spec.model_type: expected unigram .*, found bpe/,
    ],
    [modelOf([unknownPiece, a]).slice(0, -1), /, byte 16: expected 8 bytes of field 1, found 7/],
    [new Uint8Array(20).fill(0xff), /, byte 0: expected a number of at most 10 bytes/],
    [
      modelOf([unknownPiece, a], new ProtoWriter().int(3, 5).finish()),
      /, normalizer_spec: expected bytes, found a number/,
    ],
  ];
  for (const [bytes, message] of cases) assert.throws(() => parseModel(bytes), { message });
});

Deno.test("loadSentencePiece() names the file, and what is wrong with its rules", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "spiece.model");
  const a = normal("a", -1);
  assert.throws(() => loadSentencePiece(path), (error: Error) => {
    assert.ok(error instanceof StageError);
    assert.equal(
      error.message,
      `Cannot read tokenizer "${path}": expected a SentencePiece model, found nothing there`,
    );
    return true;
  });
  Deno.writeFileSync(path, modelOf([a]));
  assert.throws(() => loadSentencePiece(path), /spiece\.model", pieces: expected an unknown piece/);
  Deno.writeFileSync(
    path,
    modelOf([unknownPiece, a], normalizerSpec(Uint8Array.of(255, 0, 0, 0, 1))),
  );
  assert.throws(() => loadSentencePiece(path), /normalizer_spec: expected a trie and replacements/);
});

Deno.test("sentencePieceModelOf() says which symbol such a file cannot hold", () => {
  const long = tokenizerOf({ a: 0.5 }, { userDefinedSymbols: ["x".repeat(8000)] });
  const same = tokenizerOf({ " a": 0.5 }, { userDefinedSymbols: ["▁a"] });
  for (
    const [tokenizer, found] of [
      [long, /^Cannot write a SentencePiece model, piece 263: expected fewer than 8000 bytes/],
      [same, /^Cannot write a SentencePiece model, piece 264: expected pieces that differ/],
    ] as const
  ) {
    assert.throws(() => sentencePieceModelOf(tokenizer), { name: "StageError", message: found });
  }
});

Deno.test("saveVocabulary() writes control characters as escapes, and says of which pieces", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "tokenizer.vocab");
  const model = parseModel(
    modelOf([unknownPiece, normal("\n", -1), normal("a\tb", -2), normal("é\u2028", -2.5)]),
  );
  assert.deepEqual(saveVocabulary(path, model), ["\\u000a", "a\\u0009b"]);
  assert.equal(
    Deno.readTextFileSync(path),
    "<unk>\t0\n\\u000a\t-1\na\\u0009b\t-2\né\u2028\t-2.5\n",
  );
});

Deno.test("a model with bytes cut off or bits turned is read or refused, and never hangs", async () => {
  const ours = await train(inventedDocuments(60), { vocabSize: 320 });
  const plain = formatModel(sentencePieceModelOf(ours));
  const rest = normalizerSpec(charsmapOf({ "ﬁ": "fi", "…": "...", "e\u0301": "é", "\t": " " }));
  const small = modelOf([unknownPiece, normal("▁", -2), normal("a", -3), normal("é", -4)], rest);
  const random = new Random(seedOf(13, "mutations"));
  let refused = 0;
  for (let round = 0; round < 600; round++) {
    const whole = round % 2 === 0 ? small : plain;
    const bytes = whole.slice(0, round % 3 === 0 ? random.below(whole.length) : whole.length);
    for (let i = 0; round % 3 !== 0 && i < 3; i++) {
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    }
    try {
      const tokenizer = new SentencePieceTokenizer(parseModel(bytes), { exactTies: round % 4 < 2 });
      const ids = tokenizer.encode("aé ﬁ…\t balo 山水 e\u0301");
      assert.ok(ids.every((id) => id >= 0 && id < tokenizer.vocabSize));
      tokenizer.decode(ids);
    } catch (error) {
      assert.match(String(error), /expected .*, found /s, `round ${round}: ${error}`);
      refused++;
    }
  }
  assert.ok(refused > 100 && refused < 600, `${refused} refused`);
});
