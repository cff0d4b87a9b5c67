/**
 * A whole recipe on the engine `cuda-native`, whose kernels the processor runs here, ends with the tables of the engine `reference`,
 * also where the card is lost once on the way.
 */
import assert from "node:assert/strict";
import { pipeline, pipelineCommand, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { engineHere } from "../support/devices.ts";
import { assertTensorsClose } from "../support/tensors.ts";
import { bitsPerByte, goldenBits } from "../support/tiny_bits.ts";

const found = await engineHere("cuda-native"); // names the driver to child processes
const isShim = Deno.env.get("DEPT_CUDA_DRIVER") !== undefined; // a card cannot be asked to be lost
const whyNot = typeof found === "string" ? `: skipped: ${found}` : "";

Deno.test({
  name: `run all on cuda-native ends with the bits per byte of reference${whyNot}`,
  ignore: whyNot !== "",
}, async () => {
  using folder = temporaryFolder();
  const words = ["--recipe", tinyRecipe, "--store", folder.path, "--engine", "cuda-native"];
  if (isShim) await loseCard(words);
  const bits = await bitsPerByte("cuda-native", "fp32", folder.path);
  const expected = goldenBits();
  assert.deepEqual(Object.keys(bits), [
    ...["unigram", "bigram", "trigram"],
    ...["std-t0", "trim", "entropy rate"],
  ]);
  for (const [label, values] of Object.entries(bits)) {
    // 16 units of single precision, as on webgpu: networks differ by as much in one step.
    assertTensorsClose(label, values, expected[label], [values.length], { relative: 2 ** -19 });
  }
  const why = await pipeline(["why", "pretrain/trim", ...words]);
  assert.match(
    why.stdout,
    /compute capability \d+\.\d, \d+ multiprocessors, a driver for CUDA 1\d\.\d$/m,
  );
});

/** Trains until the card is lost. */
async function loseCard(words: readonly string[]): Promise<void> {
  // An update has a launch for each of some twenty tensors: lost in the fourth step or so, after a checkpoint.
  const faults = { SHIM_LOST: "adamw", SHIM_LOST_AFTER: "70" };
  const run = ["run", "pretrain/trim", ...words];
  const { code, stderr } = await pipelineCommand(run, undefined, faults).output();
  assert.equal(code, 1, "its process dies, the run ends in order");
  assert.match(
    new TextDecoder().decode(stderr),
    /pretrain\/trim.*Cannot (?!end)[^:]+: the driver says CUDA_ERROR_ILLEGAL_ADDRESS \(700\); the card is lost to this process: run again to go on/,
  );
  assert.doesNotMatch(new TextDecoder().decode(stderr), /^ +at /m, "a sentence, no stack");
  const status = await pipeline(["status", "pretrain/trim", ...words]);
  assert.match(status.stdout, /pretrain\/trim.*goes on from its checkpoint/);
}
