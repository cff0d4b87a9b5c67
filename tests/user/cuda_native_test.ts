/**
 * A whole recipe on the engine `cuda-native`, whose kernels the processor runs here, ends with the tables of the engine `reference`.
 */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/command_line.ts";
import { engineHere } from "../support/devices.ts";
import { assertTensorsClose } from "../support/tensors.ts";
import { bitsPerByte, goldenBits } from "../support/tiny_bits.ts";

const found = await engineHere("cuda-native"); // names the driver to child processes
const whyNot = typeof found === "string" ? `: skipped: ${found}` : "";

Deno.test({
  name: `run all on cuda-native ends with the bits per byte of reference${whyNot}`,
  ignore: whyNot !== "",
}, async () => {
  using folder = temporaryFolder();
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
});
