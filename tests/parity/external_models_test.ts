/**
 * Weights of others beside Debian's PyTorch, which computes with them as Python's transformers does: the same logits, and after three
 * steps of training the same losses and weights.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { differentiate, languageModelGraph, sizeOf, withoutKeyBias } from "../../model/mod.ts";
import { fromLayout, layouts, toLayout } from "../../model/layouts/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { readExternalModel, type Tensors } from "../../training/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";
import { findPyTorch } from "../support/pytorch/pytorch.ts";
import { referenceLogits } from "../support/random_network.ts";

const script = fileURLToPath(new URL("../support/pytorch/external.py", import.meta.url));
const peer = await findPyTorch();
const ignore = typeof peer === "string";
const [batchSize, length, steps] = [2, 20, 3];
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1 };
const learningRate = 1e-3;

for (const [name, network] of Object.entries(externalNetworks)) {
  const reason = ignore ? ` (skipped: ${peer})` : "";
  Deno.test({
    name: `${name}: logits and three steps of training agree with PyTorch${reason}`,
    ignore,
    fn: () => compare(network),
  });
}

async function compare({ type, config }: typeof externalNetworks[string]): Promise<void> {
  using folder = temporaryFolder();
  writeExternalModel(folder.path, { type, config });
  const random = new Random(seedOf(1, `external parity ${type}`));
  const draw = () =>
    Array.from({ length: batchSize }, () => Array.from({ length }, () => random.below(257)));
  const [tokens, targets] = [draw(), draw()];
  const theirs = await inPyTorch(folder.path, tokens, targets);

  const weights = [{ name: "model.safetensors", path: join(folder.path, "model.safetensors") }];
  const read = readExternalModel({ config: join(folder.path, "config.json"), weights });
  const logits = await referenceLogits(read.config, read.tensors, tokens[0]);
  // They add up in single precision; logits here are up to ten.
  near(logits, theirs.logits, 5e-5, "logits");

  const { engine } = await import(engineModule("cpu")) as { engine: Engine };
  const graph = languageModelGraph(read.config, batchSize, { sequenceLength: length });
  const program = await engine.compileTraining(differentiate(graph), {
    threads: 1,
    precision: "fp32",
    optimizer,
  });
  await program.write(
    Object.fromEntries(Object.entries(read.tensors).map(([name, { data }]) => [name, data])),
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss } = await program.accumulate({
      tokens: Int32Array.from(tokens.flat()),
      targets: Int32Array.from(targets.flat()),
      weights: new Float32Array(batchSize * length).fill(1 / (batchSize * length)),
    });
    losses.push(loss[0]);
    await program.update({ learningRate, clipNorm: Infinity });
  }
  const trained = await program.read();
  await program.dispose();
  near(Float32Array.from(losses), theirs.losses, 1e-5, "losses");

  const layout = layouts.get(type)!;
  const names = Object.keys(toLayout(layout, config, read.tensors)).sort();
  const found: Record<string, Tensors[string]> = {};
  let at = 0;
  const shapes = new Map(layout.places(config).map(({ theirs, shape }) => [theirs, shape]));
  for (const name of names) {
    const shape = shapes.get(name)!;
    found[name] = { shape, data: theirs.parameters.slice(at, at += sizeOf(shape)) };
  }
  assert.equal(at, theirs.parameters.length);
  for (const [name, { data }] of Object.entries(fromLayout(layout, config, found))) {
    const [ours, expected, before] = [trained[name], data, read.tensors[name].data].map((values) =>
      withoutKeyBias(name, values)
    );
    const moved = distance(expected, before);
    const away = distance(ours, expected);
    // Adam divides each gradient by its size: where it is no more than rounding, the direction of a step is too.
    assert.ok(away <= 0.02 * moved, `${name}: ${away} away after moving ${moved}`);
    assert.ok(moved > 0, `${name} has moved`);
  }
}

async function inPyTorch(folder: string, tokens: number[][], targets: number[][]) {
  if (typeof peer === "string") throw new Error(peer);
  const parameters = join(folder, "parameters.bin");
  const job = { folder, tokens, targets, steps, learningRate, optimizer, parameters };
  Deno.writeTextFileSync(join(folder, "job.json"), JSON.stringify(job));
  const { success, stdout, stderr } = await new Deno.Command(peer.python, {
    args: [script, join(folder, "job.json")],
  }).output();
  const text = new TextDecoder();
  assert.ok(success, text.decode(stderr));
  const { logits, losses } = JSON.parse(text.decode(stdout));
  return { logits, losses, parameters: new Float32Array(Deno.readFileSync(parameters).buffer) };
}

function near(
  found: Float32Array,
  expected: readonly number[],
  allowed: number,
  what: string,
): void {
  assert.equal(found.length, expected.length, what);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let worst = 0;
  found.forEach((value, i) => worst = Math.max(worst, Math.abs(value - expected[i])));
  assert.ok(worst <= allowed * largest, `${what}: ${worst} away, of ${largest}`);
}

function distance(a: Float32Array, b: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) ** 2;
  return Math.sqrt(squares);
}
