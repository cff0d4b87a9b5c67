import assert from "node:assert/strict";
import { StageError } from "../../base/mod.ts";
import {
  trainUnigram,
  unigramConfigOf,
  unigramDefaults,
  type UnigramTokenizer,
} from "../../tokenizers/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { pieceTexts, train } from "./support.ts";

const documents = inventedDocuments(80);

async function messageOfFailure(config: Partial<typeof unigramDefaults>): Promise<string> {
  const error = await train(documents, config).then(() => undefined, (error) => error);
  assert.ok(error instanceof StageError, `expected a StageError, found ${error}`);
  return error.message;
}

Deno.test("trainUnigram() makes exactly vocabSize pieces, up to the largest possible", async () => {
  for (const vocabSize of [320, 401, 650]) {
    assert.equal((await train(documents, { vocabSize })).vocabSize, vocabSize);
  }
  const message = await messageOfFailure({ vocabSize: 100_000 });
  assert.match(message, /expected vocabSize to be at most \d+, the largest possible for this text/);
  const largest = Number(message.match(/at most (\d+)/)![1]);
  assert.equal((await train(documents, { vocabSize: largest })).vocabSize, largest);
  assert.match(
    await messageOfFailure({ vocabSize: largest + 1 }),
    new RegExp(`at most ${largest}`),
  );
});

Deno.test("trainUnigram() keeps every required character", async () => {
  const characters = [...new Set(documents.map(({ text }) => text).join(""))];
  const least = 263 + characters.length;
  const tokenizer = await train(documents, { vocabSize: least, characterCoverage: 1 });
  assert.deepEqual(tokenizer.learned.map(({ text }) => text).sort(), characters.sort());
  assert.match(
    await messageOfFailure({ vocabSize: least - 1, characterCoverage: 1 }),
    new RegExp(`expected vocabSize to be at least ${least}`),
  );
});

Deno.test("trainUnigram() leaves characters beyond the coverage to bytes", async () => {
  const text = [{ text: "ab ab ab ba ".repeat(400) + "☃" }];
  const covered = await train(text, { vocabSize: 270, characterCoverage: 1 });
  const uncovered = await train(text, { vocabSize: 269, characterCoverage: 0.999 });
  assert.deepEqual(pieceTexts(covered, "☃"), ["☃"]);
  assert.deepEqual(pieceTexts(uncovered, "☃"), ["<0xE2>", "<0x98>", "<0x83>"]);
});

Deno.test("trainUnigram() gives the same pieces twice, and for documents in any order or cut at words", async () => {
  const config = { vocabSize: 450 };
  const first = (await train(documents, config)).learned;
  const shuffled = documents.map((_, i) => documents[(i * 37 + 11) % documents.length]);
  // a document may be cut before a space that begins a word without changing any word
  const cut = documents.flatMap(({ text }) =>
    text.split(/(?= (?=\S))(?<=\S)/).map((part) => ({ text: part }))
  );
  assert.ok(cut.length > 10 * documents.length);
  const joined = cut.map(({ text }) => text).join("");
  assert.equal(joined, documents.map(({ text }) => text).join(""));
  for (const same of [documents, shuffled, cut, cut.toReversed()]) {
    assert.deepEqual((await train(same, config)).learned, first);
  }
});

Deno.test("trainUnigram() finds the words of a text made of few", async () => {
  const words = ["the", "cat", "sees", "moon", "under", "water"];
  const text = Array.from({ length: 3000 }, (_, i) => words[(i * i + i) * 31 % 97 % 6]).join(" ");
  const tokenizer = await train([{ text }], { vocabSize: 263 + 30 });
  assert.deepEqual(pieceTexts(tokenizer, " the cat sees water"), [
    "▁the",
    "▁cat",
    "▁sees",
    "▁water",
  ]);
});

Deno.test("trainUnigram() learns indentation, and no piece crosses a word or a script", async () => {
  const tokenizer = await train(documents, { vocabSize: 500 });
  const texts = tokenizer.learned.map(({ text }) => text);
  assert.ok(texts.includes("\n   "), "the indentation of the text is a piece");
  for (const text of texts) {
    assert.match(text, /^([ \n]+| ?[a-z]+| ?[а-о]+| ?[山水]+| ?[0-9();]+)$/u);
  }
});

Deno.test("trainUnigram() makes no piece that looks like a special or byte piece", async () => {
  const text = "<s> </s> <0x0A> <unk> ".repeat(200);
  const tokenizer = await train([{ text }], {
    vocabSize: 288,
    splitByScript: false,
    splitByNumber: false,
  });
  const texts = tokenizer.learned.map((piece) => piece.text);
  for (const reserved of ["<s>", "</s>", "<0x0A>", "<unk>"]) assert.ok(!texts.includes(reserved));
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
});

Deno.test("trainUnigram() reads whole documents until maxTextBytes", async () => {
  const read: number[] = [];
  function* counted() {
    for (const [i, text] of ["ab ab ab", "cd cd cd", "ef ef ef"].entries()) {
      read.push(i);
      yield { text };
    }
  }
  const tokenizer: UnigramTokenizer = await train(counted(), { vocabSize: 268, maxTextBytes: 9 });
  assert.deepEqual(read, [0, 1]);
  const texts = tokenizer.learned.map(({ text }) => text).sort();
  assert.deepEqual(texts, [" ", "a", "b", "c", "d"]);
});

Deno.test("trainUnigram() stops when its signal is aborted", async () => {
  const reason = new Error("stopped by the user");
  await assert.rejects(
    trainUnigram(documents, unigramDefaults, { signal: AbortSignal.abort(reason) }),
    reason,
  );
});

Deno.test("trainUnigram() makes a vocabulary of bytes from no text", async () => {
  const tokenizer = await train([], { vocabSize: 263 });
  assert.equal(tokenizer.decode(tokenizer.encode("né \0")), "né \0");
  await assert.rejects(train([], { vocabSize: 264 }), /at most 263/);
});

Deno.test("trainUnigram() refuses a config out of range", async () => {
  for (
    const [field, value, expected] of [
      ["vocabSize", 262, "a whole number from 263 to 1048576"],
      ["characterCoverage", 0, "a number above 0, at most 1"],
      ["shrinkingFactor", 1, "a number between 0 and 1"],
      ["maxPieceLength", 65, "a whole number from 1 to 64"],
      ["subIterations", 0.5, "a whole number from 1 to 1000"],
    ] as const
  ) {
    await assert.rejects(train(documents, { [field]: value }), {
      name: "RangeError",
      message:
        `Cannot train a unigram tokenizer: expected ${field} to be ${expected}, found ${value}`,
    });
  }
});

Deno.test("unigramConfigOf() lays a recipe's overrides over the defaults", () => {
  assert.deepEqual(unigramConfigOf({ vocabSize: 512 }, "vocabulary.own"), {
    ...unigramDefaults,
    vocabSize: 512,
  });
  assert.throws(() => unigramConfigOf({ vocabSise: 512 }, "vocabulary.own"), {
    name: "UsageError",
    message: /^Cannot accept key "vocabSise" in vocabulary.own: .*\(did you mean "vocabSize"\?\)$/,
  });
  assert.throws(() => unigramConfigOf({ splitByScript: "yes" }, "vocabulary.global"), {
    name: "UsageError",
    message: 'Cannot accept vocabulary.global.splitByScript: expected true or false, found "yes"',
  });
});
