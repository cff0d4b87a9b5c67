/**
 * A whole recipe on the engine `webgpu`, in single and in half precision, ends with the tables of the engine `reference`: those
 * that `golden_test.ts` holds it to.
 */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/command_line.ts";
import { engineHere, whyNoNetworks } from "../support/devices.ts";
import { assertTensorsClose } from "../support/tensors.ts";
import { bitsPerByte, goldenBits } from "../support/tiny_bits.ts";

const webgpu = await engineHere("webgpu"); // names the software driver to child processes
const whyNot = typeof webgpu === "string" ? webgpu : whyNoNetworks("webgpu");
const title =
  "run all on webgpu ends with the bits per byte of reference, in fp16 to half precision";
const name = whyNot === undefined ? title : `${title}: skipped: ${whyNot}`;

Deno.test({ name, ignore: whyNot !== undefined }, async () => {
  using folder = temporaryFolder();
  const single = await bitsPerByte("webgpu", "fp32", folder.path);
  const half = await bitsPerByte("webgpu", "fp16", folder.path);
  const expected = goldenBits();
  assert.deepEqual(Object.keys(single), [
    ...["unigram", "bigram", "trigram"],
    ...["std-t0", "trim", "entropy rate"],
  ]);
  for (const label of Object.keys(single)) {
    const values = expected[label];
    // Half a unit of half precision, and of single precision 16 units: networks differ by as much in one step.
    const shape = [values.length];
    assertTensorsClose(`${label}, fp32`, single[label], values, shape, { relative: 2 ** -19 });
    assertTensorsClose(`${label}, fp16`, half[label], values, shape, { relative: 2 ** -12 });
  }
  assert.notDeepEqual(half.trim, single.trim);
});
