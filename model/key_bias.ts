/**
 * Parameters whose true gradient is 0: biases of keys.
 *
 * Such a bias adds the same number to all scores of a query, which softmax does not see. Rounding leaves a little gradient, and Adam
 * makes steps of full length of it, so norms and distances that counted these entries would tell of rounding.
 */

/** The values of a parameter without biases of keys: of the fused bias, which is all q, all k, all v, the first and last third. */
export function withoutKeyBias(parameter: string, values: Float32Array): Float32Array {
  if (!parameter.endsWith(".attn.qkv.bias")) return values;
  const third = values.length / 3;
  const kept = new Float32Array(2 * third);
  kept.set(values.subarray(0, third));
  kept.set(values.subarray(2 * third), third);
  return kept;
}
