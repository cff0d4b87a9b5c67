/**
 * The parameters that a source is sent, and the mean difference that the results of a round give to the outer optimizer.
 *
 * Source: DEPT Algorithm 1, lines 5 and 8 to 15; rows are averaged over the sources that have them:
 * ϕ[j] + (1/|S(j)|)·Σ_{k ∈ S(j)} (ϕ^k[local j] − ϕ[j]), unchanged where no sampled source has row j.
 */
import { withoutKeyBias } from "../model/mod.ts";
import { type Group, type NamedTensor, readValues, type Tensors, tensorsOf } from "./checkpoint.ts";
import type { SourceVocabulary } from "./local_vocabulary.ts";
import { type MeanDelta, outerStep } from "./outer_optimizer.ts";
import { isPieceTable, isShared, type Variant } from "./variant.ts";

/** The shared parameters as a source is sent them: ϕ cut to its rows, all else whole. */
export function split(variant: Variant, shared: Tensors, vocabulary: SourceVocabulary): Tensors {
  const { rows } = vocabulary;
  return mapTensors(shared, variant, (tensor, name) => {
    if (!isPieceTable(name) || rows === undefined) return tensor;
    return takeRows(tensor, rows);
  });
}

/** Rows of a [rows, width] table, in the order of `rows`. */
export function takeRows({ shape: [, width], data }: NamedTensor, rows: Int32Array): NamedTensor {
  const taken = new Float32Array(rows.length * width);
  rows.forEach((row, local) => {
    taken.set(data.subarray(row * width, (row + 1) * width), local * width);
  });
  return { shape: [rows.length, width], data: taken };
}

/** The parameters of a source after its local training; in a file they are read one at a time. */
export interface SourceResult {
  readonly tensors: Group;
  readonly vocabulary: SourceVocabulary;
  /** Mean loss of its validation text with what it made alone, in nats, where it said so itself. */
  readonly aloneLossNats?: number;
}

/**
 * Differences of a round's results to what was sent, added up in float64 in the order of the sources' names: the sum does not depend
 * on which one finished first. An outer optimizer makes the next shared parameters of them, rounded once. Each parameter's is made
 * when it is asked for, from one result after the other.
 * @param suffix What the results' names have after those of the parameters.
 * @throws RangeError for a round without results.
 */
export function* meanDeltas(
  variant: Variant,
  shared: Tensors,
  results: ReadonlyMap<string, SourceResult>,
  suffix = "",
): Generator<[string, MeanDelta]> {
  if (results.size === 0) {
    throw new RangeError("Cannot average a round: expected the result of a source, found none");
  }
  const parameters = Object.keys(shared).sort().filter((name) => isShared(variant, name));
  const sources = [...results.keys()].sort();
  for (const name of parameters) {
    const before = shared[name];
    const width = isPieceTable(name) ? before.shape[1] : before.data.length;
    const sums = new Float64Array(before.data.length);
    const counts = new Int32Array(sums.length / width);
    const delta = { sums, width, counts };
    const read = new Float32Array(sums.length); // each source's values, one after the other
    for (const source of sources) {
      const { tensors, vocabulary } = results.get(source)!;
      const rows = isPieceTable(name) ? vocabulary.rows : undefined;
      const after = read.subarray(0, (rows ?? counts).length * width);
      readValues(tensors, name + suffix, 0, after);
      addDifference(delta, before.data, after, rows);
    }
    yield [name, delta];
  }
}

/** The next shared parameters by plain averaging. @throws RangeError for a round without results. */
export function averageResults(
  variant: Variant,
  shared: Tensors,
  results: ReadonlyMap<string, SourceResult>,
  suffix = "",
): Tensors {
  const deltas = meanDeltas(variant, shared, results, suffix);
  return outerStep(shared, deltas, { kind: "average" }, {}).shared;
}

/** @param rows The row of the sum that each row of `after` belongs to; the same one when absent. */
function addDifference(
  { sums, width, counts }: MeanDelta,
  before: Float32Array,
  after: Float32Array,
  rows: Int32Array | undefined,
): void {
  for (let own = 0; own < (rows ?? counts).length; own++) {
    const row = rows === undefined ? own : rows[own];
    const [to, from] = [row * width, own * width];
    for (let i = 0; i < width; i++) sums[to + i] += after[from + i] - before[to + i];
    counts[row]++;
  }
}

/** The shared parameters with a source's result in their place: rows that it lacks stay as they were. */
export function placeResult(
  variant: Variant,
  shared: Tensors,
  { tensors: group, vocabulary: { rows } }: SourceResult,
): Tensors {
  const tensors = tensorsOf(group);
  return mapTensors(shared, variant, (tensor, name) => {
    if (!isPieceTable(name) || rows === undefined) return tensors[name];
    const { shape, data: own } = tensors[name];
    const data = tensor.data.slice();
    const [, width] = shape;
    rows.forEach((row, local) => {
      data.set(own.subarray(local * width, (local + 1) * width), row * width);
    });
    return { shape: tensor.shape, data };
  });
}

function mapTensors(
  shared: Tensors,
  variant: Variant,
  make: (tensor: NamedTensor, name: string) => NamedTensor,
): Tensors {
  return Object.fromEntries(
    Object.keys(shared).sort().filter((name) => isShared(variant, name))
      .map((name) => [name, make(shared[name], name)]),
  );
}

/** L2 norm of all values except biases of keys, in float64. */
export function parameterNorm(tensors: Tensors): number {
  let squares = 0;
  for (const name of Object.keys(tensors).sort()) {
    for (const value of withoutKeyBias(name, tensors[name].data)) squares += value * value;
  }
  return Math.sqrt(squares);
}

/** L2 norm of the difference of two sets of the same tensors except biases of keys, in float64. */
export function updateNorm(before: Tensors, after: Tensors): number {
  return differenceNorm(before, (name) => after[name].data);
}

/** The same of tensors that are given one at a time, by name. */
export function differenceNorm(before: Tensors, after: (name: string) => Float32Array): number {
  let squares = 0;
  for (const name of Object.keys(before).sort()) {
    const from = withoutKeyBias(name, before[name].data);
    const to = withoutKeyBias(name, after(name));
    for (let i = 0; i < from.length; i++) squares += (to[i] - from[i]) ** 2;
  }
  return Math.sqrt(squares);
}
