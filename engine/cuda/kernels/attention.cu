// Attention without its scores in memory: blocks of queries and of keys, whose scores are made in shared memory and used there.
// A sum over keys, or over queries, goes in their rising order, tile by tile.
//
// Scores X_ij = alpha·q_i·k_j + bias_ij of the keys that query i sees, P_ij = exp(X_ij − L_i), L_i = log Σ_j exp(X_ij). `mask`, where
// there is one, multiplies P_ij. Source: Dao 2023, "FlashAttention-2", algorithms 1 and 2; the gradient of queries is a kernel apart
// from that of keys and values, as one kernel for both would add in any order.
#include "attention.cuh"
#include "common.cuh"

constexpr unsigned most_width = 128;
constexpr unsigned own_rows = 32; // of a block
constexpr unsigned lanes_of_row = 8; // a block is 32 × 8 threads
constexpr unsigned columns_of_lane = most_width / lanes_of_row;

// Rows row0 to row0 + count of a matrix, zero from `rows` on.
inline __device__ void load_rows(float (*to)[most_width + 1], const float* from, unsigned row0, unsigned count,
                                 unsigned rows, unsigned width) {
  for (unsigned i = threadIdx.x; i < count * width; i += blockDim.x) {
    const unsigned row = i / width, column = i % width;
    to[row][column] = row0 + row < rows ? from[(size_t)(row0 + row) * width + column] : 0.0f;
  }
}

inline __device__ float dot_of_rows(const float* a, const float* b, unsigned width) {
  float sum = 0.0f;
  for (unsigned s = 0; s < width; s++) sum = fmaf(a[s], b[s], sum);
  return sum;
}

// The sum of a tile by itself: sums of sums round less than one long sum.
template <unsigned tile>
inline __device__ float sum_over_tile(const float* factors, const float (*rows)[most_width + 1], unsigned column) {
  float sum = 0.0f;
  for (unsigned i = 0; i < tile; i++) sum = fmaf(factors[i], rows[i][column], sum);
  return sum;
}

// Over the lanes of a row, the same bytes in each.
inline __device__ float row_lanes_sum(float value) {
  for (int lanes = lanes_of_row / 2; lanes > 0; lanes /= 2) value += __shfl_xor_sync(~0u, value, lanes);
  return value;
}

inline __device__ float row_lanes_max(float value) {
  for (int lanes = lanes_of_row / 2; lanes > 0; lanes /= 2) value = fmaxf(value, __shfl_xor_sync(~0u, value, lanes));
  return value;
}

// context = Σ_j P_ij·mask_ij·v_j, and L. Block (x, y) takes 32 queries of stack y.
KERNEL attention(float* context, float* logs, const float* q, const float* k, const float* v, const float* bias,
                 const float* mask, Attended of, float alpha) {
  constexpr unsigned tile = 32, of_lane = tile / lanes_of_row;
  __shared__ float own[own_rows][most_width + 1], other[tile][most_width + 1], weights[own_rows][tile + 1];
  const unsigned stack = blockIdx.y, row0 = blockIdx.x * own_rows;
  const unsigned row = threadIdx.x / lanes_of_row, lane = threadIdx.x % lanes_of_row, query = row0 + row;
  q += (size_t)stack * of.queries * of.width;
  k += (size_t)stack * of.keys * of.width;
  v += (size_t)stack * of.keys * of.width;
  bias = bias_of_stack(bias, of, stack);
  load_rows(own, q, row0, own_rows, of.queries, of.width);
  float most = -INFINITY, sum = 0.0f, sums[columns_of_lane] = {};
  const unsigned end = of.is_causal ? min(of.keys, row0 + own_rows) : of.keys;
  for (unsigned key0 = 0; key0 < end; key0 += tile) {
    load_rows(other, k, key0, tile, of.keys, of.width);
    __syncthreads();
    float scores[of_lane], largest = most;
#pragma unroll
    for (unsigned c = 0; c < of_lane; c++) {
      const unsigned at = lane + c * lanes_of_row;
      scores[c] = -INFINITY;
      if (!is_seen(of, query, key0 + at)) continue;
      scores[c] = alpha * dot_of_rows(own[row], other[at], of.width) + bias_at(bias, of, query, key0 + at);
      largest = fmaxf(largest, scores[c]);
    }
    largest = row_lanes_max(largest);
    const float factor = query < of.queries ? expf(most - largest) : 0.0f;
    float part = 0.0f;
#pragma unroll
    for (unsigned c = 0; c < of_lane; c++) {
      const unsigned at = lane + c * lanes_of_row;
      const bool seen = is_seen(of, query, key0 + at);
      const float weight = seen ? expf(scores[c] - largest) : 0.0f;
      part += weight;
      weights[row][at] = seen ? weight * mask_at(mask, of, stack, query, key0 + at) : 0.0f;
    }
    sum = sum * factor + row_lanes_sum(part);
    most = largest;
    __syncthreads();
    load_rows(other, v, key0, tile, of.keys, of.width);
    __syncthreads();
#pragma unroll
    for (unsigned c = 0; c < columns_of_lane; c++) {
      const unsigned column = lane + c * lanes_of_row;
      if (column >= of.width) continue;
      sums[c] = sums[c] * factor + sum_over_tile<tile>(weights[row], other, column);
    }
    __syncthreads();
  }
  if (query >= of.queries) return;
  const size_t place = (size_t)stack * of.queries + query;
#pragma unroll
  for (unsigned c = 0; c < columns_of_lane; c++) {
    const unsigned column = lane + c * lanes_of_row;
    if (column < of.width) context[place * of.width + column] = sums[c] / sum;
  }
  if (lane == 0) logs[place] = most + logf(sum);
}

// D_i = Σ_s dO_is·O_is: a row a warp.
KERNEL attention_means(float* means, const float* context, const float* dContext, unsigned width) {
  const size_t at = (size_t)blockIdx.x * width;
  float sum = 0.0f;
  for (unsigned s = threadIdx.x; s < width; s += 32) sum += context[at + s] * dContext[at + s];
  sum = warp_sum(sum);
  if (threadIdx.x == 0) means[blockIdx.x] = sum;
}

// Gradients of 32 rows of a stack. Queries have rows of q and dO, and look at keys, which have rows of k and v; or the other way
// round. With dX_ij = P_ij·(mask_ij·dO_i·v_j − D_i): dQ = alpha·Σ_j dX_ij·k_j; dK = alpha·Σ_i dX_ij·q_i, dV = Σ_i P_ij·mask_ij·dO_i.
template <bool of_keys>
inline __device__ void gradient(float* dFirst, float* dSecond, const float* q, const float* k, const float* v,
                                const float* bias, const float* logs, const float* means, const float* dContext,
                                const float* mask, const Attended& of, float alpha) {
  constexpr unsigned tile = 16, of_lane = tile / lanes_of_row;
  __shared__ float first[own_rows][most_width + 1], second[own_rows][most_width + 1], other[tile][most_width + 1];
  __shared__ float weights[own_rows][tile + 1], slopes[own_rows][tile + 1];
  const unsigned stack = blockIdx.y, row0 = blockIdx.x * own_rows;
  const unsigned row = threadIdx.x / lanes_of_row, lane = threadIdx.x % lanes_of_row;
  q += (size_t)stack * of.queries * of.width;
  dContext += (size_t)stack * of.queries * of.width;
  k += (size_t)stack * of.keys * of.width;
  v += (size_t)stack * of.keys * of.width;
  logs += (size_t)stack * of.queries;
  means += (size_t)stack * of.queries;
  bias = bias_of_stack(bias, of, stack);
  const unsigned own_count = of_keys ? of.keys : of.queries, other_count = of_keys ? of.queries : of.keys;
  load_rows(first, of_keys ? k : q, row0, own_rows, own_count, of.width);
  load_rows(second, of_keys ? v : dContext, row0, own_rows, own_count, of.width);
  const float* other_first = of_keys ? q : k;
  const float* other_second = of_keys ? dContext : v;
  const unsigned begin = of_keys && of.is_causal ? row0 : 0;
  const unsigned end = !of_keys && of.is_causal ? min(of.keys, row0 + own_rows) : other_count;
  float sums[columns_of_lane] = {}, second_sums[columns_of_lane] = {};
  for (unsigned other0 = begin; other0 < end; other0 += tile) {
    float scores[of_lane];
    load_rows(other, other_first, other0, tile, other_count, of.width);
    __syncthreads();
#pragma unroll
    for (unsigned c = 0; c < of_lane; c++) {
      scores[c] = dot_of_rows(first[row], other[lane + c * lanes_of_row], of.width);
    }
    __syncthreads();
    load_rows(other, other_second, other0, tile, other_count, of.width);
    __syncthreads();
#pragma unroll
    for (unsigned c = 0; c < of_lane; c++) {
      const unsigned at = lane + c * lanes_of_row;
      const unsigned query = of_keys ? other0 + at : row0 + row, key = of_keys ? row0 + row : other0 + at;
      float weight = 0.0f, slope = 0.0f;
      if (is_seen(of, query, key)) {
        const float p = expf(alpha * scores[c] + bias_at(bias, of, query, key) - logs[query]);
        const float factor = mask_at(mask, of, stack, query, key);
        weight = p * factor;
        slope = p * (factor * dot_of_rows(second[row], other[at], of.width) - means[query]);
      }
      weights[row][at] = weight;
      slopes[row][at] = slope;
    }
    __syncthreads();
    if (of_keys) {
#pragma unroll
      for (unsigned c = 0; c < columns_of_lane; c++) {
        const unsigned column = lane + c * lanes_of_row;
        if (column >= of.width) continue;
        second_sums[c] += sum_over_tile<tile>(weights[row], other, column);
      }
      __syncthreads();
    }
    load_rows(other, other_first, other0, tile, other_count, of.width);
    __syncthreads();
#pragma unroll
    for (unsigned c = 0; c < columns_of_lane; c++) {
      const unsigned column = lane + c * lanes_of_row;
      if (column >= of.width) continue;
      sums[c] += sum_over_tile<tile>(slopes[row], other, column);
    }
    __syncthreads();
  }
  if (row0 + row >= own_count) return;
  const size_t place = ((size_t)stack * own_count + row0 + row) * of.width;
#pragma unroll
  for (unsigned c = 0; c < columns_of_lane; c++) {
    const unsigned column = lane + c * lanes_of_row;
    if (column >= of.width) continue;
    dFirst[place + column] = alpha * sums[c];
    if (of_keys) dSecond[place + column] = second_sums[c];
  }
}

KERNEL attention_query_gradient(float* dQ, const float* q, const float* k, const float* v, const float* bias,
                                const float* logs, const float* means, const float* dContext, const float* mask,
                                Attended of, float alpha) {
  gradient<false>(dQ, nullptr, q, k, v, bias, logs, means, dContext, mask, of, alpha);
}

KERNEL attention_key_gradient(float* dK, float* dV, const float* q, const float* k, const float* v, const float* bias,
                              const float* logs, const float* means, const float* dContext, const float* mask,
                              Attended of, float alpha) {
  gradient<true>(dK, dV, q, k, v, bias, logs, means, dContext, mask, of, alpha);
}
