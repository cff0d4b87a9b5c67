/**
 * How far the sources of a round moved apart (client drift): lengths of their differences, angles between them, variance. Biases of
 * keys are left out (`withoutKeyBias`).
 */
import { withoutKeyBias } from "../model/mod.ts";
import type { NamedTensor, Tensors } from "./checkpoint.ts";
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
  const body = Object.keys(shared).filter((name) => name.startsWith("body.")).sort();
  const before = new Map(body.map((name) => [name, withoutKeyBias(name, shared[name].data)]));
  const size = body.reduce((sum, name) => sum + before.get(name)!.length, 0);
  // products[i][j] = Δθ^i · Δθ^j
  const products = names.map((a, i) =>
    names.slice(0, i + 1).map((b) =>
      body.reduce(
        (sum, name) =>
          sum + product(before.get(name)!, valuesOf(results, a, name), valuesOf(results, b, name)),
        0,
      )
    )
  );
  const at = (i: number, j: number) => i >= j ? products[i][j] : products[j][i];
  const count = names.length;
  let squares = 0;
  let meanSquare = 0;
  names.forEach((_, i) => {
    squares += at(i, i);
    names.forEach((_, j) => meanSquare += at(i, j) / count ** 2);
  });
  const pairs = names.flatMap((_, j) => names.slice(0, j).map((_, i) => [i, j] as const));
  return {
    deltaNorms: Object.fromEntries(names.map((name, i) => [name, Math.sqrt(at(i, i))])),
    meanDeltaNorm: Math.sqrt(Math.max(0, meanSquare)),
    deltaVariance: Math.max(0, squares / count - meanSquare) / size,
    cosines: pairs.map(([i, j]) => ({
      sources: [names[i], names[j]],
      body: cosine(at(i, j), at(i, i), at(j, j)),
      tokenEmbedding: rowCosine(
        shared[tokenEmbedding],
        results.get(names[i])!,
        results.get(names[j])!,
      ),
    })),
  };
}

function valuesOf(results: ReadonlyMap<string, SourceResult>, source: string, name: string) {
  return withoutKeyBias(name, results.get(source)!.tensors[name].data);
}

/** (a − before)·(b − before) */
function product(before: Float32Array, a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < before.length; i++) sum += (a[i] - before[i]) * (b[i] - before[i]);
  return sum;
}

function cosine(ab: number, aa: number, bb: number): number | null {
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : null;
}

function rowCosine(
  before: NamedTensor | undefined,
  a: SourceResult,
  b: SourceResult,
): number | null {
  if (before === undefined) return null;
  const [rows, width] = before.shape;
  const [tableA, tableB] = [a.tensors[tokenEmbedding].data, b.tensors[tokenEmbedding].data];
  let [ab, aa, bb] = [0, 0, 0];
  for (let row = 0; row < rows; row++) {
    const localA = a.vocabulary.localIds?.[row] ?? row;
    const localB = b.vocabulary.localIds?.[row] ?? row;
    if (localA < 0 || localB < 0) continue;
    for (let c = 0; c < width; c++) {
      const from = before.data[row * width + c];
      const x = tableA[localA * width + c] - from;
      const y = tableB[localB * width + c] - from;
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
  }
  return cosine(ab, aa, bb);
}
