import assert from "node:assert/strict";
import { type Engine, engineModule } from "../../engine/mod.ts";
import {
  initialiseBody,
  initialiseTable,
  languageModelGraph,
  type ModelConfig,
  parameterShapes,
} from "../../model/mod.ts";
import { Random } from "../../base/mod.ts";
import {
  Decoder,
  generateTokens,
  sampleToken,
  scoreText,
  type Tensors,
} from "../../training/mod.ts";
import { engineOptions, seed } from "./support.ts";

const config: ModelConfig = {
  nLayers: 2,
  dModel: 12,
  nHeads: 3,
  expansion: 2,
  seqLen: 48,
  vocabSize: 20,
  positions: "alibi",
  bias: true,
};
const random = new Random(seed("decoder_test"));
const ids = Int32Array.from({ length: config.seqLen }, () => random.below(config.vocabSize));

function tensorsOf(of: ModelConfig): Tensors {
  const values: Record<string, Float32Array> = {
    "embedding.token.weight": initialiseTable(
      of.vocabSize,
      of.dModel,
      seed("init/embedding/global"),
    ),
    "embedding.output.weight": initialiseTable(of.vocabSize, of.dModel, seed("init/output")),
    "embedding.position.weight": initialiseTable(of.seqLen, of.dModel, seed("init/positions")),
    ...initialiseBody(of, seed("init/body")),
  };
  return Object.fromEntries(
    Object.entries(parameterShapes(of)).map((
      [name, shape],
    ) => [name, { shape, data: values[name] }]),
  );
}

const engines: [string, Engine][] = await Promise.all(
  ["reference", "cpu", "tfjs"].map(async (name) =>
    [name, (await import(engineModule(name))).engine] as [string, Engine]
  ),
);

for (const [name, engine] of engines) {
  for (const positions of ["alibi", "learned", "rotary"] as const) {
    Deno.test(`Decoder says of every token what the whole network says: ${name}, ${positions}`, async () => {
      const neox = { rotaryFraction: 0.5, parallelResidual: true, tiedEmbeddings: false };
      const own = { ...config, positions, ...(positions === "rotary" ? neox : {}) };
      const tensors = tensorsOf(own);
      const whole = await engine.compile(languageModelGraph(own, 1), engineOptions);
      await whole.write(
        Object.fromEntries(Object.entries(tensors).map(([key, { data }]) => [key, data])),
      );
      const targets = Int32Array.from(ids, (_, t) => ids[t + 1] ?? 0);
      const { nll } = await whole.run({
        tokens: ids,
        targets,
        weights: new Float32Array(ids.length),
      }, ["nll"]);
      await whole.dispose();

      const options = { engine, engineOptions, config: own, tensors, capacity: config.seqLen };
      const decoder = new Decoder(options);
      // 34 at once are a chunk of 32 and two by themselves.
      let logits = await decoder.read(ids.subarray(0, 34));
      for (let t = 33; t < ids.length - 1; t++) {
        const largest = logits.reduce((most, value) => Math.max(most, value));
        const total = logits.reduce((sum, value) => sum + Math.exp(value - largest), 0);
        const nats = largest + Math.log(total) - logits[targets[t]];
        // Some forty operators in a row in single precision, on numbers of order 1.
        assert.ok(Math.abs(nats - nll[t]) < 1e-5, `token ${t}: ${nats}, expected ${nll[t]}`);
        logits = await decoder.read(ids.subarray(t + 1, t + 2));
      }
      assert.equal(decoder.length, config.seqLen);
      await assert.rejects(decoder.read(Int32Array.of(1)), /Cannot read 1 tokens: expected 1 to 0/);
      await decoder.dispose();
    });
  }
}

const [[, reference]] = engines;

Deno.test("Decoder refuses what its positions do not reach, and ids outside the vocabulary", async () => {
  const learned = { ...config, positions: "learned" } as const;
  const options = {
    engine: reference,
    engineOptions,
    config: learned,
    tensors: tensorsOf(learned),
  };
  assert.throws(
    () => new Decoder({ ...options, capacity: 49 }),
    /^RangeError: Cannot read 49 tokens: expected at most 48, the context/,
  );
  const decoder = new Decoder({ ...options, capacity: 4 });
  await assert.rejects(decoder.read(Int32Array.of(20)), /expected ids from 0 to 19 .*found 20/);
  await decoder.dispose();
});

Deno.test("generateTokens() draws the same tokens from the same seed, and stops at the end symbol", async () => {
  const options = {
    engine: reference,
    engineOptions,
    config,
    tensors: tensorsOf(config),
    capacity: 24,
  };
  const made = async (
    text: string,
    changes: { temperature?: number; topK?: number; endId?: number } = {},
  ) => {
    const decoder = new Decoder(options);
    const tokens: number[] = [];
    const settings = {
      tokens: 12,
      temperature: 2,
      endId: -1,
      random: new Random(seed(text)),
      ...changes,
    };
    for await (const token of generateTokens(decoder, ids.subarray(0, 3), settings)) {
      tokens.push(token);
    }
    await decoder.dispose();
    return tokens;
  };
  const first = await made("a");
  assert.equal(first.length, 12);
  assert.deepEqual(await made("a"), first);
  assert.notDeepEqual(await made("b"), first);
  assert.deepEqual(await made("a", { topK: 1 }), await made("b", { temperature: 0 }));
  const [, , third] = first;
  assert.deepEqual(await made("a", { endId: third }), first.slice(0, first.indexOf(third)));
});

Deno.test("sampleToken() draws with p ∝ exp(logit / temperature) from the likeliest", () => {
  const logits = Float32Array.of(Math.log(1), Math.log(3), -50, Math.log(2));
  const draws = (temperature: number, topK?: number) => {
    const random = new Random(seed("draws"));
    const counts = [0, 0, 0, 0];
    for (let n = 0; n < 6000; n++) counts[sampleToken(logits, { temperature, topK }, random)]++;
    return counts.map((count) => count / 6000);
  };
  const near = (found: readonly number[], expected: readonly number[]) =>
    found.forEach((share, id) =>
      // four standard deviations of 6,000 draws
      assert.ok(Math.abs(share - expected[id]) <= 4 * Math.sqrt(0.25 / 6000), `${found}`)
    );
  near(draws(1), [1 / 6, 3 / 6, 0, 2 / 6]);
  near(draws(0.5), [1 / 14, 9 / 14, 0, 4 / 14]); // squares
  near(draws(1, 2), [0, 3 / 5, 0, 2 / 5]);
  assert.deepEqual(draws(0), [0, 1, 0, 0]);
});

Deno.test("scoreText() sums what the network says of a text, window by window", async () => {
  const tensors = tensorsOf(config);
  const program = await reference.compile(
    languageModelGraph({ ...config, seqLen: 10 }, 2),
    engineOptions,
  );
  await program.write(
    Object.fromEntries(Object.entries(tensors).map(([key, { data }]) => [key, data])),
  );
  const shape = {
    batchSize: 2,
    seqLen: 10,
    vocabulary: { size: 20 },
    byteLength: (id: number) => id,
  };
  const score = await scoreText(program, ids.subarray(0, 24), shape);
  assert.equal(score.tokens, 9 + 9 + 3); // windows of 10, 10 and 4
  let bytes = 0;
  for (let t = 0; t < 24; t++) if (t % 10 !== 0) bytes += ids[t];
  assert.ok(Math.abs(score.bitsPerByte - score.lossNats * 21 / Math.LN2 / bytes) < 1e-12);
  assert.equal(score.perplexity, Math.exp(score.lossNats));
  assert.equal(score.unknownShare, 0);
  await assert.rejects(
    scoreText(program, ids.subarray(0, 1), shape),
    /expected at least 2 tokens, .*found 1/,
  );
  const diverged = {
    run: async (...asked: Parameters<typeof program.run>) => {
      const { nll } = await program.run(...asked);
      return { nll: nll.fill(NaN, 13, 14) };
    },
  };
  await assert.rejects( // [2, 10]: row 1, place 3 is of the token after it
    scoreText(diverged, ids.subarray(0, 24), shape),
    /^StageError: Cannot score the text, token 14: expected a finite loss, found NaN/,
  );
  await assert.rejects( // the end symbol has no bytes
    scoreText(program, Int32Array.of(7, 0), shape),
    /one of text after the first, found 2/,
  );
  await program.dispose();
});
