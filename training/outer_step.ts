/**
 * What a source is sent, and how the results of a round become the next shared parameters: parameter averaging.
 *
 * Source: DEPT Algorithm 1, lines 5 and 8 to 15; rows are averaged over the sources that have them:
 * ϕ[j] + (1/|S(j)|)·Σ_{k ∈ S(j)} (ϕ^k[local j] − ϕ[j]), unchanged where no sampled source has row j.
 */
import type { NamedTensor, Tensors } from "./checkpoint.ts";
import type { SourceVocabulary } from "./local_vocabulary.ts";
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

/**
 * The outer optimizer: adds up deltas in float64 and rounds once. Results are added in the order of the sources' names,
 * so that the sum does not depend on who finished first.
 */
export class OuterAverage {
  readonly #variant: Variant;
  readonly #shared: Tensors;
  readonly #sums = new Map<string, Float64Array>();
  /** Sources that sent row j of ϕ. */
  readonly #rowCounts: Int32Array;
  #sources = 0;

  /** @param shared parameters at the beginning of the round: what deltas are taken against. */
  constructor(variant: Variant, shared: Tensors) {
    this.#variant = variant;
    this.#shared = shared;
    for (const name of Object.keys(shared).sort()) {
      if (isShared(variant, name)) this.#sums.set(name, new Float64Array(shared[name].data.length));
    }
    this.#rowCounts = new Int32Array(shared[tokenEmbedding]?.shape[0] ?? 0);
  }

  /** Adds what a source has made of the parameters that it was sent; its local ones are passed over. */
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

  /** The next shared parameters. @throws RangeError when nothing was added. */
  result(): Tensors {
    if (this.#sources === 0) {
      throw new RangeError("Cannot average a round: expected the result of a source, found none");
    }
    return mapTensors(this.#shared, this.#variant, ({ shape, data }, name) => {
      const sum = this.#sums.get(name)!;
      const next = new Float32Array(data.length);
      const width = name === tokenEmbedding ? shape[1] : data.length;
      for (let start = 0, row = 0; start < data.length; start += width, row++) {
        const count = name === tokenEmbedding ? this.#rowCounts[row] : this.#sources;
        for (let i = start; i < start + width; i++) {
          next[i] = count === 0 ? data[i] : data[i] + sum[i] / count;
        }
      }
      return { shape, data: next };
    });
  }

  /** The sums for a checkpoint: each float64 as the two float32 words of its bytes, copied and never computed with. */
  sums(): Tensors {
    return Object.fromEntries(
      [...this.#sums].map(([name, sum]) => [
        name,
        { shape: [sum.length, 2], data: new Float32Array(sum.buffer.slice(0)) },
      ]),
    );
  }

  /** Sets what `sums` gave, after results of sources with these vocabularies. */
  restore(sums: Tensors, vocabularies: readonly SourceVocabulary[]): void {
    for (const [name, sum] of this.#sums) {
      const { buffer, byteOffset, byteLength } = sums[name].data;
      new Uint8Array(sum.buffer).set(new Uint8Array(buffer, byteOffset, byteLength));
    }
    for (const vocabulary of vocabularies) this.#count(vocabulary);
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
