/**
 * How far the sources of a round moved apart (client drift): lengths of their differences, angles between them, variance. Biases of
 * keys are left out (`withoutKeyBias`).
 *
 * Results are read in blocks, one block of all of them at a time: memory does not grow with the model.
 */
import { withoutKeyBias } from "../model/mod.ts";
import { type Group, type NamedTensor, readValues, type Tensors } from "./checkpoint.ts";
import type { SourceResult } from "./outer_step.ts";
import { tokenEmbedding } from "./variant.ts";

/** Plain data for metrics. Sums are in float64, parameters and sources in the order of their names. */
export type Drift = {
  /** ‖Δθ^k‖ by source: of the body, which every variant shares. */
  readonly deltaNorms: Readonly<Record<string, number>>;
  /** ‖mean Δθ‖. */
  readonly meanDeltaNorm: number;
  /** Mean over the body's parameters of the sources' variance around their mean (over K, not K − 1). */
  readonly deltaVariance: number;
  readonly cosines: readonly {
    readonly sources: readonly [string, string];
    readonly body: number | null;
    /** Over the rows of ϕ that both have; null where the variant does not share it, or nothing moved. */
    readonly tokenEmbedding: number | null;
  }[];
};

/** @param shared what the results are differences to */
export function driftOf(shared: Tensors, results: ReadonlyMap<string, SourceResult>): Drift {
  const names = [...results.keys()].sort();
  const ordered = names.map((name) => results.get(name)!);
  const body = Object.keys(shared).filter((name) => name.startsWith("body.")).sort();
  const size = body.reduce((sum, name) => sum + withoutKeyBias(name, shared[name].data).length, 0);
  const products = bodyProducts(shared, body, ordered.map(({ tensors }) => tensors));
  const at = (i: number, j: number) => i >= j ? products[i][j] : products[j][i];
  const count = names.length;
  let squares = 0;
  let meanSquare = 0;
  names.forEach((_, i) => {
    squares += at(i, i);
    names.forEach((_, j) => meanSquare += at(i, j) / count ** 2);
  });
  const pairs = names.flatMap((_, j) => names.slice(0, j).map((_, i) => [i, j] as const));
  const table = shared[tokenEmbedding];
  const rowCosines = table && rowCosinesOf(table, ordered);
  return {
    deltaNorms: Object.fromEntries(names.map((name, i) => [name, Math.sqrt(at(i, i))])),
    meanDeltaNorm: Math.sqrt(Math.max(0, meanSquare)),
    deltaVariance: Math.max(0, squares / count - meanSquare) / size,
    cosines: pairs.map(([i, j]) => ({
      sources: [names[i], names[j]],
      body: cosine(at(i, j), at(i, i), at(j, j)),
      tokenEmbedding: rowCosines?.(i, j) ?? null,
    })),
  };
}

/** Most values of a block: 256 kB of each source's differences. */
const blockValues = 1 << 15;

/** A number for each pair of sources: that of i and j ≤ i stands at [i][j]. */
type PairSums = readonly Float64Array[];

function pairSums(count: number): PairSums {
  return Array.from({ length: count }, (_, i) => new Float64Array(i + 1));
}

/** Δθ^i · Δθ^j: over the values of each parameter, then over the parameters. */
function bodyProducts(
  shared: Tensors,
  body: readonly string[],
  groups: readonly Group[],
): PairSums {
  const products = pairSums(groups.length);
  const readers = groups.map((group) => new DeltaReader(group));
  for (const name of body) {
    const { shape, data } = shared[name];
    const sums = pairSums(groups.length);
    // Vectors are read whole: biases of keys are cut out of them.
    const blockSize = shape.length < 2 ? data.length : blockValues;
    for (let from = 0; from < data.length; from += blockSize) {
      const before = data.subarray(from, from + blockSize);
      addProducts(sums, readers.map((reader) => reader.delta(name, from, before)));
    }
    sums.forEach((row, i) => row.forEach((sum, j) => products[i][j] += sum));
  }
  return products;
}

/** Cosines of the differences of ϕ, over the rows that both sources have. */
function rowCosinesOf(
  table: NamedTensor,
  results: readonly SourceResult[],
): (i: number, j: number) => number | null {
  const [ab, aa, bb] = [0, 0, 0].map(() => pairSums(results.length));
  const [rows, width] = table.shape;
  const readers = results.map((result) => new RowReader(result, table));
  const blockRows = Math.max(1, Math.floor(blockValues / width));
  for (let first = 0; first < rows; first += blockRows) {
    const end = Math.min(first + blockRows, rows);
    const blocks = readers.map((reader) => reader.next(first, end));
    blocks.forEach((b, j) => {
      for (let i = 0; i < j; i++) addCommonRows([ab[j], aa[j], bb[j]], i, blocks[i], b, width);
    });
  }
  return (i, j) => cosine(ab[j][i], aa[j][i], bb[j][i]);
}

function addCommonRows(
  [ab, aa, bb]: readonly Float64Array[],
  at: number,
  a: RowBlock,
  b: RowBlock,
  width: number,
): void {
  let [both, left, right] = [ab[at], aa[at], bb[at]];
  for (let row = 0; row < a.places.length; row++) {
    if (a.places[row] < 0 || b.places[row] < 0) continue;
    const [fromA, fromB] = [a.places[row] * width, b.places[row] * width];
    for (let c = 0; c < width; c++) {
      const x = a.delta[fromA + c];
      const y = b.delta[fromB + c];
      both += x * y;
      left += x * x;
      right += y * y;
    }
  }
  [ab[at], aa[at], bb[at]] = [both, left, right];
}

/** Reads differences of a source to what was sent, into arrays that the next block takes again. */
class DeltaReader {
  readonly #group: Group;
  #after = new Float32Array(blockValues);
  #delta = new Float64Array(blockValues);

  constructor(group: Group) {
    this.#group = group;
  }

  /** @param before what was sent of the tensor, from number `from` on; as many values are read */
  delta(name: string, from: number, before: Float32Array): Float64Array {
    if (before.length > this.#after.length) {
      this.#after = new Float32Array(before.length);
      this.#delta = new Float64Array(before.length);
    }
    const after = this.#after.subarray(0, before.length);
    readValues(this.#group, name, from, after);
    const [old, now] = [withoutKeyBias(name, before), withoutKeyBias(name, after)];
    const delta = this.#delta.subarray(0, now.length);
    for (let i = 0; i < delta.length; i++) delta[i] = now[i] - old[i];
    return delta;
  }
}

/** Differences of the rows of a block that a source has. */
interface RowBlock {
  readonly delta: Float64Array;
  /** Row of `delta` by row of the block, −1 where there is none. */
  readonly places: Int32Array;
}

/** Reads a source's rows of ϕ in their order. */
class RowReader {
  readonly #rows: Int32Array | undefined;
  readonly #table: NamedTensor;
  readonly #deltas: DeltaReader;
  /** Rows of the source's own table that were read. */
  #taken = 0;

  constructor({ tensors, vocabulary }: SourceResult, table: NamedTensor) {
    this.#rows = vocabulary.rows;
    this.#table = table;
    this.#deltas = new DeltaReader(tensors);
  }

  /** Those from `first` to `end` − 1 of the whole table. */
  next(first: number, end: number): RowBlock {
    const { shape: [, width], data } = this.#table;
    const places = new Int32Array(end - first).fill(-1);
    const start = this.#taken;
    for (let row = first; row < end; row++) {
      if (this.#rows !== undefined && this.#rows[this.#taken] !== row) continue;
      places[row - first] = this.#taken++ - start;
    }
    const before = new Float32Array((this.#taken - start) * width);
    places.forEach((place, row) => {
      if (place < 0) return;
      const from = (first + row) * width;
      before.set(data.subarray(from, from + width), place * width);
    });
    return { delta: this.#deltas.delta(tokenEmbedding, start * width, before), places };
  }
}

/**
 * Adds deltas[i] · deltas[j] to sums[i][j]. Four products are made side by side, each in the order of the values: an addition would
 * else wait for the one before it.
 */
function addProducts(sums: PairSums, deltas: readonly Float64Array[]): void {
  deltas.forEach((a, i) => {
    const row = sums[i];
    for (let j = 0; j <= i; j += 4) {
      const [k, l, m] = [j + 1, j + 2, j + 3].map((other) => Math.min(other, i));
      const [b, c, d, e] = [deltas[j], deltas[k], deltas[l], deltas[m]];
      let [ab, ac, ad, ae] = [row[j], row[k], row[l], row[m]];
      for (let at = 0; at < a.length; at++) {
        const value = a[at];
        ab += value * b[at];
        ac += value * c[at];
        ad += value * d[at];
        ae += value * e[at];
      }
      [row[j], row[k], row[l], row[m]] = [ab, ac, ad, ae]; // equal ones where the last stand for another
    }
  });
}

function cosine(ab: number, aa: number, bb: number): number | null {
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : null;
}
