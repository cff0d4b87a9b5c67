/**
 * The parameters that a source is sent, and the mean difference that the results of a round give to the outer optimizer.
 *
 * Source: DEPT Algorithm 1, lines 5 and 8 to 15; rows are averaged over the sources that have them:
 * ϕ[j] + (1/|S(j)|)·Σ_{k ∈ S(j)} (ϕ^k[local j] − ϕ[j]), unchanged where no sampled source has row j.
 */
import type { NamedTensor, Tensors } from "./checkpoint.ts";
import type { SourceVocabulary } from "./local_vocabulary.ts";
import { type MeanDelta, outerStep } from "./outer_optimizer.ts";
import { isShared, tokenEmbedding, type Variant } from "./variant.ts";

/** The shared parameters as a source is sent them: ϕ cut to its rows, all else whole. */
export function split(variant: Variant, shared: Tensors, vocabulary: SourceVocabulary): Tensors {
  const { rows } = vocabulary;
  return mapTensors(shared, variant, (tensor, name) => {
    if (name !== tokenEmbedding || rows === undefined) return tensor;
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

/** The parameters of a source after its local training. */
export interface SourceResult {
  readonly tensors: Tensors;
  readonly vocabulary: SourceVocabulary;
}

/** The sum of the results of a round, in the order of the sources' names: it does not depend on which one finished first. */
export function sumResults(
  variant: Variant,
  shared: Tensors,
  results: ReadonlyMap<string, SourceResult>,
): OuterSum {
  const sum = new OuterSum(variant, shared);
  for (const name of [...results.keys()].sort()) {
    const { tensors, vocabulary } = results.get(name)!;
    sum.add(tensors, vocabulary);
  }
  return sum;
}

/** Adds up deltas in float64; an outer optimizer makes the next shared parameters of them, rounded once. */
export class OuterSum {
  readonly #shared: Tensors;
  readonly #sums = new Map<string, Float64Array>();
  /** Sources that sent row j of ϕ. */
  readonly #rowCounts: Int32Array;
  #sources = 0;

  /** @param shared parameters at the beginning of the round: what deltas are taken against. */
  constructor(variant: Variant, shared: Tensors) {
    this.#shared = shared;
    for (const name of Object.keys(shared).sort()) {
      if (isShared(variant, name)) this.#sums.set(name, new Float64Array(shared[name].data.length));
    }
    this.#rowCounts = new Int32Array(shared[tokenEmbedding]?.shape[0] ?? 0);
  }

  /** Adds the result of a source; its local parameters are passed over. */
  add(result: Tensors, vocabulary: SourceVocabulary): void {
    for (const [name, sum] of this.#sums) {
      const before = this.#shared[name];
      const after = result[name];
      const { rows } = vocabulary;
      if (name === tokenEmbedding && rows !== undefined) addRows(sum, before, after, rows);
      else addAll(sum, before.data, after.data);
    }
    this.#count(vocabulary);
  }

  /** Of each shared parameter. @throws RangeError when nothing was added. */
  deltas(): Map<string, MeanDelta> {
    if (this.#sources === 0) {
      throw new RangeError("Cannot average a round: expected the result of a source, found none");
    }
    return new Map([...this.#sums].map(([name, sums]) => [
      name,
      name === tokenEmbedding
        ? { sums, width: this.#shared[name].shape[1], counts: this.#rowCounts }
        : { sums, width: sums.length, counts: Int32Array.of(this.#sources) },
    ]));
  }

  /** The next shared parameters by plain averaging. @throws RangeError when nothing was added. */
  average(): Tensors {
    return outerStep(this.#shared, this.deltas(), { kind: "average" }, {}).shared;
  }

  #count({ rows }: SourceVocabulary): void {
    this.#sources++;
    if (rows === undefined) {
      for (let j = 0; j < this.#rowCounts.length; j++) {
        this.#rowCounts[j]++;
      }
    } else for (const row of rows) this.#rowCounts[row]++;
  }
}

/** The shared parameters with a source's result in their place: rows that it lacks stay as they were. */
export function placeResult(
  variant: Variant,
  shared: Tensors,
  { tensors, vocabulary: { rows } }: SourceResult,
): Tensors {
  return mapTensors(shared, variant, (tensor, name) => {
    if (name !== tokenEmbedding || rows === undefined) return tensors[name];
    const { shape, data: own } = tensors[name];
    const data = tensor.data.slice();
    const [, width] = shape;
    rows.forEach((row, local) => {
      data.set(own.subarray(local * width, (local + 1) * width), row * width);
    });
    return { shape: tensor.shape, data };
  });
}

function addAll(sum: Float64Array, before: Float32Array, after: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += after[i] - before[i];
}

function addRows(sum: Float64Array, before: NamedTensor, after: NamedTensor, rows: Int32Array) {
  const width = before.shape[1];
  for (let local = 0; local < rows.length; local++) {
    for (let c = 0; c < width; c++) {
      const at = rows[local] * width + c;
      sum[at] += after.data[local * width + c] - before.data[at];
    }
  }
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

/** L2 norm of all values, in float64. */
export function parameterNorm(tensors: Tensors): number {
  let squares = 0;
  for (const name of Object.keys(tensors).sort()) {
    for (const value of tensors[name].data) squares += value * value;
  }
  return Math.sqrt(squares);
}

/** L2 norm of the difference of two sets of the same tensors, in float64. */
export function updateNorm(before: Tensors, after: Tensors): number {
  let squares = 0;
  for (const name of Object.keys(before).sort()) {
    const from = before[name].data;
    const to = after[name].data;
    for (let i = 0; i < from.length; i++) squares += (to[i] - from[i]) ** 2;
  }
  return Math.sqrt(squares);
}
