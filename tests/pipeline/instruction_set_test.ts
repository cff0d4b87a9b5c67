import assert from "node:assert/strict";
import { instructionsIn } from "../../pipeline/instruction_set.ts";

Deno.test("instructionsIn() keeps the vector instructions, oldest first", () => {
  const x86 = "processor\t: 0\nflags\t\t: fpu avx512f sse4_1 avx fma avx2 f16c\nbugs\t\t:\n";
  assert.equal(instructionsIn(x86), "sse4_1 avx f16c fma avx2 avx512f");
  assert.equal(instructionsIn("Features\t: fp asimd sve bf16\n"), "asimd bf16 sve");
  assert.equal(instructionsIn(""), "");
});
