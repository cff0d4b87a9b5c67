// What the kernels of attention share: who sees whom, biases, masks.
#pragma once

struct Attended {
  unsigned queries, keys, width; // of a head: at most 128
  unsigned is_causal, has_mask, has_slopes; // slopes: `bias` has one number, which a key's distance to the query is multiplied by
  unsigned extent[3], bias[3]; // of the stack of heads, the outermost first, and the bias's steps along it
  unsigned bias_row, bias_column;
};

inline __device__ const float* bias_of_stack(const float* bias, const Attended& of, unsigned stack) {
  for (int axis = 2; axis >= 0; axis--) {
    bias += (size_t)(stack % of.extent[axis]) * of.bias[axis];
    stack /= of.extent[axis];
  }
  return bias;
}

inline __device__ bool is_seen(const Attended& of, unsigned query, unsigned key) {
  return query < of.queries && key < of.keys && (!of.is_causal || key <= query);
}

inline __device__ float bias_at(const float* bias, const Attended& of, unsigned query, unsigned key) {
  if (of.has_slopes) return bias[0] * (float)((int)key - (int)query);
  return bias[(size_t)query * of.bias_row + (size_t)key * of.bias_column];
}

inline __device__ float mask_at(const float* mask, const Attended& of, unsigned stack, unsigned query, unsigned key) {
  return of.has_mask ? mask[((size_t)stack * of.queries + query) * of.keys + key] : 1.0f;
}
