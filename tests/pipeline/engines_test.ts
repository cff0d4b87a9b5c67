import assert from "node:assert/strict";
import { adapterHere, probeEngine, resolveAuto } from "../../pipeline/commands/_engines.ts";

Deno.test("probeEngine() takes a training step in a process of its own, or says what is missing", async () => {
  const reference = await probeEngine("reference");
  assert.ok(reference.isUsable && reference.operators.includes("Softmax"));
  const cuda = await probeEngine("cuda");
  if (!cuda.isUsable) {
    assert.match(cuda.why, /CUDA 12 and cuDNN 9.*ONNXRUNTIME_NODE_INSTALL=cuda12 deno run -A npm:/);
  }
  const none = await probeEngine("cud");
  assert.ok(!none.isUsable && /did you mean "(cuda|cpu)"/.test(none.why));
});

Deno.test("resolveAuto() takes a GPU that is real, and says which, else the processor and why", async () => {
  const adapter = await adapterHere();
  const { kind, why } = await resolveAuto();
  if (adapter === undefined) assert.deepEqual([kind, why], ["cpu", "no GPU was found"]);
  else assert.ok(why.includes(adapter.name));
  if (adapter?.isSoftware) assert.equal(kind, "cpu");
});
