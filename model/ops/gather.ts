/**
 * Rows of a table by id, and their gradient.
 *
 * Gather (ONNX, axis 0 only)   (table [rows, …], ids int32 of any shape) → [...ids.shape, …]
 * EmbeddingGradient (dept)     (ids int32 [...], dY [...ids.shape, C]), attribute rows → [rows, C]:
 *                              row r is the sum of the rows of dY whose id is r, added in the order in which ids
 *                              stand (row-major), starting from zero; rows without an id are zero
 *
 * An EmbeddingGradient stands as a parameter's gradient or as one summand of it (`Add`). It is an operator of its own
 * because scatter-add over repeated ids loses or reorders updates on parallel devices: an engine uses a plain loop in
 * token order, or a product with the 0/1 matrix of the step's distinct ids.
 */
import type { Operator } from "../operator.ts";
import { float32, sizeOf } from "../shapes.ts";
import { expectFloat, expectIds, expectInputs, expectShape, integerOf } from "./rules.ts";
import { reshape } from "./reshape.ts";

export const gather: Operator = {
  name: "Gather",
  domain: "",
  evaluate: ([table, ids]) => {
    const width = sizeOf(table.shape.slice(1));
    const rows = new Float64Array(ids.data.length * width);
    for (let n = 0; n < ids.data.length; n++) {
      const from = ids.data[n] * width;
      rows.set(table.data.subarray(from, from + width), n * width);
    }
    return [rows];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 2);
    const [table, ids] = inputs;
    expectFloat(table, "the table");
    expectIds(ids, "the ids");
    if (table.shape.length === 0 || integerOf(attributes, "axis", 0) !== 0) {
      throw new RangeError("expected axis 0 of a table, found another axis or a scalar");
    }
    return [float32([...ids.shape, ...table.shape.slice(1)])];
  },
  gradient({ inputs: [table, ids] }, [dY], writer) {
    const { shape } = writer.type(table);
    const { shape: idShape } = writer.type(ids);
    const width = sizeOf(shape.slice(1));
    const flat = shape.length === 2
      ? dY!
      : writer.apply(reshape, [dY!], { shape: [...idShape, width] });
    const summed = writer.apply(embeddingGradient, [ids, flat], { rows: shape[0] });
    return [
      shape.length === 2 ? summed : writer.apply(reshape, [summed], { shape }),
      undefined,
    ];
  },
};

export const embeddingGradient: Operator = {
  name: "EmbeddingGradient",
  domain: "dept",
  evaluate: ([ids, dY], [{ shape: [rows, width] }]) => {
    const sums = new Float64Array(rows * width);
    for (let n = 0; n < ids.data.length; n++) {
      const to = ids.data[n] * width;
      for (let c = 0; c < width; c++) sums[to + c] += dY.data[n * width + c];
    }
    return [sums];
  },
  infer(inputs, attributes) {
    expectInputs(inputs, 2);
    const [ids, dY] = inputs;
    expectIds(ids, "the ids");
    expectFloat(dY, "the output's gradient", ids.shape.length + 1);
    const width = dY.shape[ids.shape.length];
    expectShape(dY, "the output's gradient", [...ids.shape, width]);
    return [float32([integerOf(attributes, "rows"), width])];
  },
};
