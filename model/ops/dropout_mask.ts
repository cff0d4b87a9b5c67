/**
 * DropoutMask (dept): what dropout multiplies a value by. Its numbers are drawn from two short lists of random words, so that
 * every engine has the same mask, and a mask of N·M numbers costs N + M words from the host.
 *
 * rows int32 [N], columns int32 [M], limit int32 [1], scale [1] → [N, M]:
 * mask[n, m] = scale where rows[n]·columns[m] ≥ limit, else 0. The product keeps its low 32 bits, as a signed number.
 *
 * The product of two random odd words is uniform over the odd numbers, so limit = −2³¹ + p·2³² drops a share p; the words of
 * two places of a row or of a column are drawn apart. limit = −2³¹ drops nothing. It has no gradient: words are no parameters.
 *
 * Source: Srivastava et al. 2014, "Dropout", §4, with the scale 1/(1 − p) at training; Dietzfelbinger et al. 1997, "A
 * reliable randomized algorithm for the closest-pair problem", for products with odd words as a hash.
 */
import type { Operator } from "../operator.ts";
import { float32 } from "../shapes.ts";
import { expectFloat, expectIds, expectInputs, expectShape } from "./rules.ts";

export const dropoutMask: Operator = {
  name: "DropoutMask",
  domain: "dept",
  evaluate([rows, columns, limit, scale]) {
    const mask = new Float64Array(rows.data.length * columns.data.length);
    let at = 0;
    for (const row of rows.data) {
      for (const column of columns.data) {
        mask[at++] = Math.imul(row, column) >= limit.data[0] ? scale.data[0] : 0;
      }
    }
    return [mask];
  },
  infer(inputs) {
    expectInputs(inputs, 4);
    const [rows, columns, limit, scale] = inputs;
    expectIds(rows, "the words of rows", 1);
    expectIds(columns, "the words of columns", 1);
    expectIds(limit, "the limit");
    expectShape(limit, "the limit", [1]);
    expectFloat(scale, "the scale");
    expectShape(scale, "the scale", [1]);
    return [float32([...rows.shape, ...columns.shape])];
  },
};
