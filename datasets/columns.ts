/**
 * Arrow columns from plain values.
 */
import { type Data, Float64, makeData } from "apache-arrow";

/** Numbers as a column without nulls; the values are copied. */
export function float64Column(values: ArrayLike<number>): Data<Float64> {
  const data = Float64Array.from(values);
  return makeData({ type: new Float64(), length: data.length, nullCount: 0, data });
}
