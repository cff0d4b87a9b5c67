/**
 * Fine-tuned models of the form `hf` in Debian's PyTorch: networks by hand, and the state and the map that classes of Python's
 * transformers take; the code that travels in the folder. That library itself is not here.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hf } from "../../commands/exports/hf.ts";
import type { HeadedModel } from "../../commands/exports/export_format.ts";
import { fineTuneGraph } from "../../model/mod.ts";
import { encodeExample, taskFeeds, writeTensors } from "../../training/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { networkKinds } from "../support/exported_model.ts";
import { headedModel, taskKinds } from "../support/headed_model.ts";
import { findPyTorch } from "../support/pytorch/pytorch.ts";
import { train } from "../tokenizers/support.ts";

const script = fileURLToPath(new URL("../support/pytorch/open_heads.py", import.meta.url));
const found = await findPyTorch();
if (typeof found === "string") console.warn(`skipped: ${found}`);

const [alibi, , mpt] = networkKinds;
const learned = networkKinds[4];
const rotary = { ...alibi, positions: "rotary", nHeads: 3, rotaryFraction: 0.5 } as const;
const texts: readonly (readonly [string, string])[] = [
  ["ba lo mi", "tre"],
  ["1984: x = [3, 14];", " ba ba ba ba ba ba"],
  ["", "山"],
];

Deno.test({
  name: "hf: PyTorch computes our scores of texts from every kind of exported head",
  ignore: typeof found === "string",
  async fn() {
    using folder = temporaryFolder();
    const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });
    const models: HeadedModel[] = [];
    for (const network of [mpt, learned, rotary, alibi]) {
      for (const hasBias of [false, true]) {
        for (const description of [taskKinds[1], taskKinds[3]]) {
          const model = await headedModel(network, tokenizer, description, hasBias);
          const place = join(folder.path, `${models.length}`);
          Deno.mkdirSync(place);
          await hf.writeHead!(model, place);
          models.push(model);
        }
      }
    }
    const [{ head: { seqLen } }] = models;
    const pairs = texts.map(([a, b]) =>
      encodeExample(
        { kind: "similarity", nClasses: 1 },
        { texts: [a, b], label: 0 },
        tokenizer,
        seqLen,
      )
    );
    // Of each pair one order, then the other.
    const sequences = pairs.flatMap((pair) => pair.sequences.map((ids) => [...ids]));
    const output = join(folder.path, "scores.json");
    const job = join(folder.path, "job.json");
    const folders = models.map((_, i) => join(folder.path, `${i}`));
    Deno.writeTextFileSync(job, JSON.stringify({ folders, sequences, output }));
    const { python } = found as Exclude<typeof found, string>;
    const { success, stderr } = await new Deno.Command(python, { args: [script, job] }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const theirs: number[][][] = JSON.parse(Deno.readTextFileSync(output));
    for (const [i, model] of models.entries()) {
      const isSimilarity = model.head.kind === "similarity";
      for (const [at, { sequences }] of pairs.entries()) {
        const ours = await scoresOf(model, isSimilarity ? sequences : sequences.slice(0, 1));
        const [one, other] = theirs[i].slice(2 * at);
        const expected = isSimilarity ? [one[0] + other[0]] : one;
        assert.equal(ours.length, expected.length);
        ours.forEach((score, n) => {
          // Both in single precision, in other orders of summation.
          const difference = Math.abs(score - expected[n]);
          assert.ok(
            difference < 1e-5 * Math.max(10, Math.abs(score)),
            `model ${i}: ${ours}, not ${expected}`,
          );
        });
      }
    }
  },
});

/** What the graph of fine-tuning scores. */
async function scoresOf(
  { config, tensors, head, engine, engineOptions }: HeadedModel,
  sequences: readonly Int32Array[],
): Promise<number[]> {
  const { kind, nClasses, seqLen } = head;
  const shape = {
    ...{ batchSize: 1, seqLen, sequences: sequences.length, languageModelWeight: 0 },
    isScore: kind === "similarity",
  };
  const hasHeadBias = head.tensors["head.bias"] !== undefined;
  const graph = fineTuneGraph(config, {
    ...{ kind, nClasses, ...shape, hasLanguageModelLoss: false, hasHeadBias },
  });
  const program = await engine.compile(graph, engineOptions);
  await writeTensors(program, { ...tensors, ...head.tensors });
  const { logits } = await program.run(taskFeeds([{ sequences, label: 0 }], shape), ["logits"]);
  await program.dispose();
  return [...logits];
}
