import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { engines, fallbacksInLog } from "../../engine/mod.ts";
import {
  adapterHere,
  placeGraphs,
  probeEngine,
  resolveAuto,
} from "../../commands/usable_engines.ts";
import { pipeline, pipelineCommand, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { engineHere, swiftShader } from "../support/devices.ts";

const webgpu = await engineHere("webgpu"); // sets the software driver for child processes
const card = await engineHere("cuda-native"); // and a card's driver on the processor

Deno.test("probeEngine() takes a training step in a process of its own, or says what is missing", async () => {
  const reference = await probeEngine("reference");
  assert.ok(reference.isUsable && reference.operators.includes("Attention"));
  const cuda = await probeEngine("cuda");
  if (!cuda.isUsable) {
    assert.match(cuda.why, /CUDA 12 and cuDNN 9.*ONNXRUNTIME_NODE_INSTALL=cuda12 deno run -A npm:/);
  }
  const native = await probeEngine("cuda-native"); // on a driver of ours, where that could be built
  if (typeof card === "string") assert.ok(!native.isUsable && /driver's library/.test(native.why));
  else {
    assert.ok(native.isUsable);
    assert.match(
      native.device!,
      /, compute capability \d+\.\d, \d+ multiprocessors, a driver for CUDA 1\d\.\d, .*B of memory, .*B free, (?:cuBLASLt 1\d\.[\d.]+|no cuBLASLt: .*)$/,
    );
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

Deno.test("resolveAuto() decides by the GPU's kind and whether a training step works there", async () => {
  const card = { name: "NVIDIA H200", isSoftware: false, features: ["shader-f16"] };
  const usable = { isUsable: true, operators: ["Gemm"] } as const;
  const broken = { isUsable: false, why: "out of memory" } as const;
  const auto = (adapter: typeof card | undefined, probe: typeof usable | typeof broken) =>
    resolveAuto(() => Promise.resolve(adapter), () => Promise.resolve(probe));
  assert.deepEqual(await auto(card, usable), { kind: "webgpu", why: "NVIDIA H200" });
  const why = "NVIDIA H200 does not work: out of memory";
  assert.deepEqual(await auto(card, broken), { kind: "cpu", why });
  assert.equal((await auto({ ...card, isSoftware: true }, usable)).kind, "cpu");
  assert.deepEqual(await auto(undefined, usable), { kind: "cpu", why: "no GPU was found" });
});

Deno.test("resolveAuto() takes an engine that has to be proven on a card of a kind on which it was", async () => {
  const proven = {
    ...engines,
    "cuda-native": { ...engines["cuda-native"], provenOn: ["compute capability 9.0"] },
  };
  const auto = (deviceKind: string | undefined, table = proven) => {
    const probed = deviceKind === undefined
      ? { isUsable: false, why: "no driver" } as const
      : { isUsable: true, operators: [], device: "NVIDIA H200", deviceKind } as const;
    return resolveAuto(() => Promise.resolve(undefined), () => Promise.resolve(probed), table);
  };
  // No WebGPU is needed: servers with cards often have none.
  assert.deepEqual(await auto("compute capability 9.0"), {
    kind: "cuda-native",
    why: "NVIDIA H200",
  });
  assert.equal((await auto("compute capability 8.0")).kind, "cpu");
  assert.equal((await auto(undefined)).kind, "cpu");
  // No card has run it so far.
  assert.equal((await auto("compute capability 9.0", engines as typeof proven)).kind, "cpu");
});

Deno.test("run refuses precision fp16 on another engine than webgpu before it makes anything", async () => {
  using folder = temporaryFolder();
  const half = [
    "--recipe",
    tinyRecipe,
    "--store",
    `${folder.path}/store`,
    "--set",
    "engine.precision=fp16",
  ];
  const { code, stdout, stderr } = await pipeline(["run", "all", ...half, "--engine", "tfjs"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(
    stderr,
    /Cannot use engine "tfjs" with precision "fp16": expected "fp32"; only "webgpu" has "fp16".*--engine webgpu/,
  );
  const unknown = await pipeline(["status", ...half, "--set", "engine.precision=fp8"]);
  assert.deepEqual(unknown.code, 2);
  assert.match(
    unknown.stderr,
    /engine\.precision: expected one of fp32, tf32, bf16, fp16, found "fp8"/,
  );
});

const without = "run on a GPU without half precision says what it has and the way out";
const unless = swiftShader === undefined ? ": skipped: no SwiftShader (chromium-common)" : "";
Deno.test({ name: `${without}${unless}`, ignore: unless !== "" }, async () => {
  using folder = temporaryFolder();
  const half = ["--engine", "webgpu", "--set", "engine.precision=fp16"];
  const store = ["--recipe", tinyRecipe, "--store", folder.path];
  const run = pipelineCommand(["run", "pretrain/trim", ...half, ...store], undefined, {
    VK_ICD_FILENAMES: swiftShader!,
  });
  const { code, stderr } = await run.output();
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    /expected a GPU with the feature "shader-f16", found "SwiftShader.+" without it \(it has: .+\); set engine\.precision=fp32/,
  );
});

if (typeof webgpu === "string") {
  Deno.test({ name: `webgpu: skipped: ${webgpu}`, ignore: true, fn: () => {} });
} else {
  Deno.test("placeGraphs() finds no operator of any graph on the processor, in fp16 neither", async () => {
    const graphs = await placeGraphs("webgpu");
    assert.ok(typeof graphs !== "string", `${graphs}`);
    const byName = Object.fromEntries(graphs.map((graph) => [graph.name, graph]));
    for (const { name, onProcessor } of graphs) assert.deepEqual(onProcessor, {}, name);
    assert.ok(byName["training step"].operators.Gemm > 10);
    // Casts into half precision and back; products are the same.
    const half = byName["training step, fp16"].operators;
    assert.ok(half.Cast > 30 && half.Gemm === byName["training step"].operators.Gemm);
    for (const name of ["AdamW", "evaluation", "fine-tuning: choice", "decoding"]) {
      assert.ok(Object.hasOwn(byName, name), name);
    }
  });

  Deno.test("fallbacksInLog() names operators that a GPU has no kernel for, and counts them", async () => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", fileURLToPath(new URL("placement.ts", import.meta.url))],
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "2 graphs");
    assert.deepEqual(
      fallbacksInLog(new TextDecoder().decode(stderr)),
      [{ LogSoftmax: 2 }, { "every operator": 1 }],
    );
  });
}
