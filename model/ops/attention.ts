/**
 * Attention: what each query takes from the values, by its scores with the keys. One operator, so that an engine may compute it
 * without holding all scores at once: in one kernel, or in blocks of queries.
 *
 * Attention (dept)           (q [..., T, S], k [..., M, S], v [..., M, S], bias, mask or absent), attributes alpha (default 1) and
 *                            causal (0 or 1: query i sees keys j ≤ i only, and M = T) →
 *     context    [..., T, S]   O_i = Σ_j P_ij·mask_ij·v_j, where P_ij = exp(X_ij − L_i) and X_ij = alpha·q_i·k_j + bias_ij
 *     logSumExp  [..., T]      L_i = log Σ_j exp(X_ij), over the keys that query i sees
 * AttentionGradient (dept)   (q, k, v, bias, context, logSumExp, dO [..., T, S], mask or absent), the same attributes →
 *     dQ         [..., T, S]   alpha·Σ_j dX_ij·k_j, where dX_ij = P_ij·(mask_ij·(dO_i·v_j) − D_i) and D_i = Σ_s dO_is·O_is
 *     dK         [..., M, S]   alpha·Σ_i dX_ij·q_i
 *     dV         [..., M, S]   Σ_i P_ij·mask_ij·dO_i
 *
 * `bias` broadcasts to the scores [..., T, M]; what it says of a key that `causal` hides is not read. `mask` has the scores' shape:
 * what dropout multiplies weights by. Both come from no parameter. An engine that finds an AlibiBias there may work from its slopes.
 *
 * D_i equals Σ_j P_ij·mask_ij·(dO_i·v_j), the mean that softmax's gradient takes off: it needs S products a query and not M.
 *
 * Source: Vaswani et al. 2017, §3.2.1; Dao 2023, "FlashAttention-2", §2.3 and algorithm 2, for L and D.
 */
import type { Attributes, Operator, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape, sameShape, type Shape } from "../shapes.ts";
import { expectFloat, expectInputs, expectShape, flagOf, numberOf } from "./rules.ts";
import { offsetsOf, stretchedStrides, type Tensor } from "./tensor.ts";

export const attention: Operator = {
  name: "Attention",
  domain: "dept",
  evaluate([q, k, v, bias, mask], _outputs, attributes) {
    const width = lastOf(q.shape);
    const context = new Float64Array(q.data.length);
    const logSumExp = new Float64Array(q.data.length / width);
    forEachQuery([q, k, bias], attributes, ({ query, firstKey, firstScore, scores }) => {
      const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
      const sum = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
      const log = largest + Math.log(sum);
      logSumExp[query] = log;
      scores.forEach((score, j) => {
        const weight = Math.exp(score - log) * (mask?.data[firstScore + j] ?? 1);
        addRow(context, query, weight, v, firstKey + j);
      });
    });
    return [context, logSumExp];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 4, 5);
    checkFactors(inputs, inputs[4], attributes);
    return [inputs[0], float32(inputs[0].shape.slice(0, -1))];
  },
  gradient({ inputs, outputs, attributes }, [dContext, dLogSumExp], writer, wanted) {
    if (dLogSumExp !== undefined) {
      throw new RangeError("expected a loss that uses context only, found one that uses logSumExp");
    }
    if (wanted[3] || wanted[4]) {
      throw new RangeError("expected a bias and a mask that come from no parameter");
    }
    const [q, k, v, bias, ...mask] = inputs;
    const known = [q, k, v, bias, ...outputs, dContext!, ...mask];
    const gradients = writer.applyAll(attentionGradient, known, attributes);
    return gradients.map((gradient, i) => wanted[i] ? gradient : undefined);
  },
};

export const attentionGradient: Operator = {
  name: "AttentionGradient",
  domain: "dept",
  evaluate([q, k, v, bias, context, logs, dO, mask], _outputs, attributes) {
    const alpha = numberOf(attributes, "alpha", 1);
    const [dQ, dK, dV] = [q, k, v].map(({ data }) => new Float64Array(data.length));
    forEachQuery([q, k, bias], attributes, ({ query, firstKey, firstScore, scores }) => {
      const mean = dotOfRows(dO, query, context, query); // D_i
      scores.forEach((score, j) => {
        const probability = Math.exp(score - logs.data[query]);
        const factor = mask?.data[firstScore + j] ?? 1;
        const towards = factor * dotOfRows(dO, query, v, firstKey + j);
        const dScore = alpha * probability * (towards - mean);
        addRow(dQ, query, dScore, k, firstKey + j);
        addRow(dK, firstKey + j, dScore, q, query);
        addRow(dV, firstKey + j, probability * factor, dO, query);
      });
    });
    return [dQ, dK, dV];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 7, 8);
    const [q, k, v, , context, logs, dO, mask] = inputs;
    checkFactors(inputs, mask, attributes);
    expectLike(context, "the context", q.shape);
    expectLike(logs, "logSumExp", q.shape.slice(0, -1));
    expectLike(dO, "the context's gradient", q.shape);
    return [q, k, v];
  },
};

interface Query {
  /** Its row among all queries. */
  readonly query: number;
  /** The row of its first key among all keys, and the place of its first score among all scores. */
  readonly firstKey: number;
  readonly firstScore: number;
  /** X_ij of the keys that it sees. */
  readonly scores: Float64Array;
}

/** Visits the queries in order. */
function forEachQuery(
  [q, k, bias]: readonly [Tensor, Tensor, Tensor],
  attributes: Attributes,
  visit: (query: Query) => void,
): void {
  const alpha = numberOf(attributes, "alpha", 1);
  const shape = scoresShape(q, k);
  const [queries, keys] = shape.slice(-2);
  const biasStrides = stretchedStrides(bias.shape, shape);
  const biasStarts = offsetsOf(shape.slice(0, -1), biasStrides.slice(0, -1));
  const biasStep = lastOf(biasStrides);
  for (let query = 0; query < biasStarts.length; query++) {
    const firstKey = Math.floor(query / queries) * keys;
    const seen = flagOf(attributes, "causal") ? query % queries + 1 : keys;
    const scores = Float64Array.from(
      { length: seen },
      (_, j) =>
        alpha * dotOfRows(q, query, k, firstKey + j) +
        bias.data[biasStarts[query] + j * biasStep],
    );
    visit({ query, firstKey, firstScore: query * keys, scores });
  }
}

/** The product of two rows. */
function dotOfRows(a: Tensor, aRow: number, b: Tensor, bRow: number): number {
  const width = lastOf(a.shape);
  let sum = 0;
  for (let s = 0; s < width; s++) sum += a.data[aRow * width + s] * b.data[bRow * width + s];
  return sum;
}

/** Adds a multiple of a row of `from` to a row of `to`. */
function addRow(
  to: Float64Array,
  toRow: number,
  factor: number,
  { shape, data }: Tensor,
  row: number,
): void {
  const width = lastOf(shape);
  for (let s = 0; s < width; s++) to[toRow * width + s] += factor * data[row * width + s];
}

/** The shape of scores, [..., T, M]. */
function scoresShape(q: { readonly shape: Shape }, k: { readonly shape: Shape }): Shape {
  return [...q.shape.slice(0, -1), k.shape[k.shape.length - 2]];
}

/** @throws RangeError for factors that do not fit each other. */
function checkFactors(
  [q, k, v, bias]: readonly TensorType[],
  mask: TensorType | undefined,
  attributes: Attributes,
): void {
  expectFloat(q, "the queries");
  if (q.shape.length < 2) {
    throw new RangeError(`expected queries of rank 2 or more, found ${formatShape(q.shape)}`);
  }
  const keys = k.shape[q.shape.length - 2];
  expectLike(k, "the keys", q.shape.with(-2, keys));
  expectLike(v, "the values", k.shape);
  const shape = scoresShape(q, k);
  const queries = shape[shape.length - 2];
  if (flagOf(attributes, "causal") && keys !== queries) {
    throw new RangeError(`expected as many keys as queries, found ${keys} and ${queries}`);
  }
  numberOf(attributes, "alpha", 1);
  expectFloat(bias, "the bias");
  if (!sameShape(broadcastShapes(bias.shape, shape), shape)) {
    throw new RangeError(
      `expected a bias that broadcasts to ${formatShape(shape)}, found ${formatShape(bias.shape)}`,
    );
  }
  if (mask !== undefined) expectLike(mask, "the mask", shape);
}

function expectLike(input: TensorType, name: string, shape: Shape): void {
  expectFloat(input, name);
  expectShape(input, name, shape);
}

function lastOf(list: readonly number[]): number {
  return list[list.length - 1];
}
