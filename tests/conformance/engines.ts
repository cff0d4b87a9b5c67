/**
 * What the tests of engines share: the engines that run here, a small network and its feeds, comparison within a tolerance.
 */
import assert from "node:assert/strict";
import {
  type Engine,
  engineModule,
  engines as table,
  type TrainingProgram,
} from "../../engine/mod.ts";
import { headTable, initialiseBody, initialiseTable, type ModelConfig } from "../../model/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { engineHere, whyNoNetworks } from "../support/devices.ts";

export const options = { threads: 1, precision: "fp32" } as const;
export const adamW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
/** With these the first moment after an update is the gradient itself. */
export const probe = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 };

export const config: ModelConfig = {
  nLayers: 2,
  dModel: 16,
  nHeads: 2,
  expansion: 4,
  seqLen: 12,
  vocabSize: 50,
  positions: "alibi",
  bias: true,
};

/** Engines that run here, and why others do not. */
export const engines: [string, Engine][] = [];
const missing: [string, string][] = [];
for (const name of Object.keys(table)) {
  const found = await engineHere(name);
  if (typeof found === "string") missing.push([name, found]);
  else engines.push([name, found]);
}

/** Tests that say why engines are not tried. */
export function skipMissing(): void {
  for (const [name, why] of missing) skip(name, why);
}

export function skip(name: string, why: string, fn: () => Promise<void> | void = () => {}): void {
  Deno.test({ name: `${name}: skipped: ${why}`, ignore: true, fn });
}

export const { engine: reference } = await import(engineModule("reference")) as { engine: Engine };
export const others = engines.filter(([name]) => name !== "reference");

/** Keeps what is made under a name: the reference engine is slow, and what it gives is compared with every other one. */
export function keeper<T>(): (name: string, make: () => Promise<T>) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (name, make) => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name)!;
  };
}

/** The spacing of single precision just above 1: the unit of the tolerances below, which leave a factor of two or more. */
export const unit = 2 ** -23;

/** A test that compiles a whole network: skipped on an engine that is too slow here. */
export function networkTest(name: string, sentence: string, fn: () => Promise<void>): void {
  const why = whyNoNetworks(name);
  if (why === undefined) Deno.test(`${name}: ${sentence}`, fn);
  else skip(`${name}: ${sentence}`, why, fn);
}

export function initialValues(of: ModelConfig): Record<string, Float32Array> {
  const table = (rows: number, name: string) =>
    initialiseTable(rows, of.dModel, seedOf(1, `init/embedding/${name}`));
  return {
    "embedding.token.weight": table(of.vocabSize, "test"),
    ...(of.positions === "learned"
      ? { "embedding.position.weight": table(of.seqLen, "position") }
      : {}),
    ...(of.tiedEmbeddings === false ? { [headTable(of)]: table(of.vocabSize, "output") } : {}),
    ...initialiseBody(of, seedOf(1, "init/body")),
  };
}

/** Feeds of one micro-batch: few distinct ids, so that rows repeat; weights with zeros among them. */
export function languageFeeds(
  of: ModelConfig,
  batchSize: number,
  step: number,
  length = of.seqLen,
) {
  const random = new Random(seedOf(1, `engine_test/feeds/${step}`));
  const count = batchSize * length;
  const draw = () => Math.floor(of.vocabSize * random.float64() ** 3);
  const weight = () => random.below(8) === 0 ? 0 : 1 / count;
  return {
    tokens: Int32Array.from({ length: count }, draw),
    targets: Int32Array.from({ length: count }, draw),
    weights: Float32Array.from({ length: count }, weight),
  };
}

/** Runs steps of two micro-batches each and returns their losses. */
export async function steps(
  program: TrainingProgram,
  from: number,
  count: number,
  batchSize = 2,
): Promise<Float32Array> {
  const losses: number[] = [];
  for (let step = from; step < from + count; step++) {
    const first = await program.accumulate(languageFeeds(config, batchSize, 2 * step));
    const second = await program.accumulate(languageFeeds(config, batchSize, 2 * step + 1));
    await program.update({ learningRate: 0.01, clipNorm: 1 });
    losses.push(first.loss[0] + second.loss[0]);
  }
  return Float32Array.from(losses);
}

/** Element by element within `tolerance`. */
export function near(
  found: Float32Array,
  expected: readonly number[],
  tolerance: number,
  name: string,
) {
  nearAll(found, Float32Array.from(expected), 0, name, tolerance);
}

/**
 * Every element within `relative` times the tensor's largest value plus `absolute`: rounding errors of a sum are as large
 * as its terms, not as its result. A failure prints the worst element.
 */
export function nearAll(
  found: Float32Array,
  expected: Float32Array,
  relative: number,
  name: string,
  absolute = 0,
): void {
  assert.equal(found.length, expected.length, `${name}: length`);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const allowed = relative * largest + absolute;
  let worst = 0;
  for (let i = 0; i < found.length; i++) {
    const isWorse = !(Math.abs(found[i] - expected[i]) <= Math.abs(found[worst] - expected[worst]));
    if (isWorse) worst = i;
  }
  const error = Math.abs(found[worst] - expected[worst]);
  assert.ok(
    error <= allowed,
    `${name} of ${found.length}: element ${worst} is ${found[worst]}, expected ${
      expected[worst]
    }, off by ${error}, allowed ${allowed}`,
  );
}
