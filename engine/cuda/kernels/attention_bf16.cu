// Attention as in attention.cu, its products by tensor cores: queries, keys, values, probabilities and the gradients of scores are
// rounded to bf16 where they are factors. Scores, their largest and their sums, and all sums of products stay in single precision.
//
// A warp has 16 rows of its own. What a lane has of a piece of 16 × 8 sums (tensor_cores.cuh) is, rounded, what it has to give of a
// factor of the next product. Source: Dao 2023, "FlashAttention-2".
#include "attention.cuh"
#include "common.cuh"
#include "tensor_cores.cuh"

constexpr unsigned attending_rows = 64, attended_tile = 32;

// An element of a matrix, zero outside of it.
inline __device__ float element_of(const float* from, unsigned row, unsigned rows, unsigned column, unsigned columns) {
  return row < rows && column < columns ? from[(size_t)row * columns + column] : 0.0f;
}

// Rows from row0 on, in words of two columns, up to the next multiple of 16 columns.
template <unsigned words>
inline __device__ void load_half_rows(unsigned (*to)[words], const float* from, unsigned row0, unsigned count,
                                      unsigned rows, unsigned columns) {
  const unsigned filled = (columns + 15) / 16 * 8;
  for (unsigned i = threadIdx.x; i < count * filled; i += blockDim.x) {
    const unsigned row = i / filled, word = i % filled;
    to[row][word] = bf16_pair(element_of(from, row0 + row, rows, 2 * word, columns),
                              element_of(from, row0 + row, rows, 2 * word + 1, columns));
  }
}

// The same rows by their columns, in words of two rows.
template <unsigned words>
inline __device__ void load_half_columns(unsigned (*to)[words], const float* from, unsigned row0, unsigned count,
                                         unsigned rows, unsigned columns) {
  const unsigned filled = (columns + 15) / 16 * 16;
  for (unsigned i = threadIdx.x; i < count / 2 * filled; i += blockDim.x) {
    const unsigned column = i % filled, word = i / filled;
    to[column][word] = bf16_pair(element_of(from, row0 + 2 * word, rows, column, columns),
                                 element_of(from, row0 + 2 * word + 1, rows, column, columns));
  }
}

// sums += own·othersᵀ: 16 rows, 8 of the others a piece.
template <unsigned pieces, unsigned words>
inline __device__ void add_dots(float (&sums)[pieces][4], const unsigned (*own)[words], const unsigned (*others)[words],
                                unsigned width) {
  for (unsigned word = 0; 2 * word < width; word += 8) {
    unsigned rows[4];
    take_rows(rows, own, word);
#pragma unroll
    for (unsigned piece = 0; piece < pieces; piece++) {
      unsigned columns[2];
      take_columns(columns, others + 8 * piece, word);
      multiply_add<true>(sums[piece], rows, columns);
    }
  }
}

// sums += factors·rows: factors of 16 rows, as sums lie; the rows by their columns.
template <unsigned pieces, unsigned factor_pieces, unsigned words>
inline __device__ void add_multiples(float (&sums)[pieces][4], const float (&factors)[factor_pieces][4],
                                     const unsigned (*columns)[words], unsigned width) {
#pragma unroll
  for (unsigned k = 0; k < factor_pieces; k += 2) {
    const unsigned rows[4] = {
        bf16_pair(factors[k][0], factors[k][1]), bf16_pair(factors[k][2], factors[k][3]),
        bf16_pair(factors[k + 1][0], factors[k + 1][1]), bf16_pair(factors[k + 1][2], factors[k + 1][3])};
#pragma unroll
    for (unsigned piece = 0; piece < pieces; piece++) {
      if (8 * piece >= width) continue;
      unsigned taken[2];
      take_columns(taken, columns + 8 * piece, 4 * k);
      multiply_add<true>(sums[piece], rows, taken);
    }
  }
}

// Over the four lanes of a row, the same bytes in each.
inline __device__ float quad_sum(float value) {
  for (int lanes = 2; lanes > 0; lanes /= 2) value += __shfl_xor_sync(~0u, value, lanes);
  return value;
}

inline __device__ float quad_max(float value) {
  for (int lanes = 2; lanes > 0; lanes /= 2) value = fmaxf(value, __shfl_xor_sync(~0u, value, lanes));
  return value;
}

// Writes pieces of 16 × 8 sums, a factor for each of a lane's two rows.
template <unsigned pieces>
inline __device__ void put_rows(float* to, const float (&sums)[pieces][4], unsigned row0, unsigned rows, unsigned width,
                                const float (&factors)[2]) {
#pragma unroll
  for (unsigned piece = 0; piece < pieces; piece++) {
#pragma unroll
    for (unsigned n = 0; n < 4; n++) {
      const unsigned row = row0 + n / 2 * 8, column = 8 * piece + threadIdx.x % 4 * 2 + n % 2;
      if (row < rows && column < width) to[(size_t)row * width + column] = sums[piece][n] * factors[n / 2];
    }
  }
}

// context = Σ_j P_ij·mask_ij·v_j, and L. Block (x, y) takes 64 queries of stack y, 128 threads; heads of at most `most` numbers.
template <unsigned most>
inline __device__ void attend(float* context, float* logs, const float* q, const float* k, const float* v,
                              const float* bias, const float* mask, const Attended& of, float alpha) {
  constexpr unsigned words = most / 2 + 4, pieces = attended_tile / 8;
  __shared__ unsigned own[attending_rows][words], keys[attended_tile][words], values[most][attended_tile / 2 + 4];
  const unsigned stack = blockIdx.y, row0 = blockIdx.x * attending_rows, of_warp = threadIdx.x / 32 * 16;
  const unsigned query0 = row0 + of_warp + threadIdx.x % 32 / 4;
  q += (size_t)stack * of.queries * of.width;
  k += (size_t)stack * of.keys * of.width;
  v += (size_t)stack * of.keys * of.width;
  bias = bias_of_stack(bias, of, stack);
  load_half_rows(own, q, row0, attending_rows, of.queries, of.width);
  float largest[2] = {-INFINITY, -INFINITY}, sum[2] = {}, sums[most / 8][4] = {};
  const unsigned end = of.is_causal ? min(of.keys, row0 + attending_rows) : of.keys;
  for (unsigned key0 = 0; key0 < end; key0 += attended_tile) {
    __syncthreads();
    load_half_rows(keys, k, key0, attended_tile, of.keys, of.width);
    load_half_columns(values, v, key0, attended_tile, of.keys, of.width);
    __syncthreads();
    float scores[pieces][4] = {}, now[2] = {largest[0], largest[1]}, factors[2], parts[2] = {};
    add_dots(scores, own + of_warp, keys, of.width);
#pragma unroll
    for (unsigned n = 0; n < 4 * pieces; n++) {
      const unsigned query = query0 + n % 4 / 2 * 8, key = key0 + n / 4 * 8 + threadIdx.x % 4 * 2 + n % 2;
      float& score = scores[n / 4][n % 4];
      score = is_seen(of, query, key) ? alpha * score + bias_at(bias, of, query, key) : -INFINITY;
      now[n % 4 / 2] = fmaxf(now[n % 4 / 2], score);
    }
#pragma unroll
    for (unsigned half = 0; half < 2; half++) {
      const float most_now = quad_max(now[half]);
      now[half] = most_now == -INFINITY ? 0.0f : most_now; // a row outside of the matrix sees nothing
      factors[half] = expf(largest[half] - now[half]);
      largest[half] = most_now;
    }
#pragma unroll
    for (unsigned n = 0; n < 4 * pieces; n++) {
      const unsigned query = query0 + n % 4 / 2 * 8, key = key0 + n / 4 * 8 + threadIdx.x % 4 * 2 + n % 2;
      const float weight = expf(scores[n / 4][n % 4] - now[n % 4 / 2]);
      parts[n % 4 / 2] += weight;
      const bool is_masked = of.has_mask && is_seen(of, query, key);
      scores[n / 4][n % 4] = is_masked ? weight * mask_at(mask, of, stack, query, key) : weight;
    }
#pragma unroll
    for (unsigned half = 0; half < 2; half++) sum[half] = sum[half] * factors[half] + quad_sum(parts[half]);
#pragma unroll
    for (unsigned n = 0; n < most / 2; n++) sums[n / 4][n % 4] *= factors[n % 4 / 2];
    add_multiples(sums, scores, values, of.width);
  }
  const float shares[2] = {1.0f / sum[0], 1.0f / sum[1]};
  put_rows(context + (size_t)stack * of.queries * of.width, sums, query0, of.queries, of.width, shares);
  for (unsigned half = 0; half < 2; half++) {
    const unsigned query = query0 + 8 * half;
    if (threadIdx.x % 4 == 0 && query < of.queries) {
      logs[(size_t)stack * of.queries + query] = largest[half] + logf(sum[half]);
    }
  }
}

// Gradients of 64 rows of a stack, or 32 where heads are wide, two threads a row; otherwise as `gradient` in attention.cu.
template <bool of_keys, unsigned most>
inline __device__ void gradient_of_rows(float* dFirst, float* dSecond, const float* q, const float* k, const float* v,
                                        const float* bias, const float* logs, const float* means, const float* dContext,
                                        const float* mask, const Attended& of, float alpha) {
  constexpr unsigned rows = most > 64 ? 32 : 64, tile = most > 64 ? 16 : 32, words = most / 2 + 4, pieces = tile / 8;
  __shared__ unsigned first[rows][words], second[rows][words], other_first[tile][words], other_second[tile][words];
  __shared__ unsigned first_columns[most][tile / 2 + 4], second_columns[of_keys ? most : 1][tile / 2 + 4];
  const unsigned stack = blockIdx.y, row0 = blockIdx.x * rows, of_warp = threadIdx.x / 32 * 16;
  const unsigned own0 = row0 + of_warp + threadIdx.x % 32 / 4;
  q += (size_t)stack * of.queries * of.width;
  dContext += (size_t)stack * of.queries * of.width;
  k += (size_t)stack * of.keys * of.width;
  v += (size_t)stack * of.keys * of.width;
  logs += (size_t)stack * of.queries;
  means += (size_t)stack * of.queries;
  bias = bias_of_stack(bias, of, stack);
  const unsigned own_count = of_keys ? of.keys : of.queries, other_count = of_keys ? of.queries : of.keys;
  load_half_rows(first, of_keys ? k : q, row0, rows, own_count, of.width);
  load_half_rows(second, of_keys ? v : dContext, row0, rows, own_count, of.width);
  const float *others = of_keys ? q : k, *other_seconds = of_keys ? dContext : v;
  const unsigned begin = of_keys && of.is_causal ? row0 : 0;
  const unsigned end = !of_keys && of.is_causal ? min(of.keys, row0 + rows) : other_count;
  float sums[most / 8][4] = {}, second_sums[most / 8][4] = {};
  for (unsigned other0 = begin; other0 < end; other0 += tile) {
    __syncthreads();
    load_half_rows(other_first, others, other0, tile, other_count, of.width);
    load_half_rows(other_second, other_seconds, other0, tile, other_count, of.width);
    load_half_columns(first_columns, others, other0, tile, other_count, of.width);
    if (of_keys) load_half_columns(second_columns, other_seconds, other0, tile, other_count, of.width);
    __syncthreads();
    float weights[pieces][4] = {}, slopes[pieces][4] = {};
    add_dots(weights, first + of_warp, other_first, of.width);
    add_dots(slopes, second + of_warp, other_second, of.width);
#pragma unroll
    for (unsigned n = 0; n < 4 * pieces; n++) {
      const unsigned own = own0 + n % 4 / 2 * 8, other = other0 + n / 4 * 8 + threadIdx.x % 4 * 2 + n % 2;
      const unsigned query = of_keys ? other : own, key = of_keys ? own : other;
      float &weight = weights[n / 4][n % 4], &slope = slopes[n / 4][n % 4];
      const bool seen = is_seen(of, query, key);
      const float p = seen ? expf(alpha * weight + bias_at(bias, of, query, key) - logs[query]) : 0.0f;
      const float factor = seen ? mask_at(mask, of, stack, query, key) : 0.0f;
      weight = p * factor;
      slope = seen ? p * (factor * slope - means[query]) : 0.0f;
    }
    if (of_keys) add_multiples(second_sums, weights, second_columns, of.width);
    add_multiples(sums, slopes, first_columns, of.width);
  }
  const size_t place = (size_t)stack * own_count * of.width;
  const float scaled[2] = {alpha, alpha}, whole[2] = {1.0f, 1.0f};
  put_rows(dFirst + place, sums, own0, own_count, of.width, scaled);
  if (of_keys) put_rows(dSecond + place, second_sums, own0, own_count, of.width, whole);
}

#define ATTENTION(most)                                                                                              \
  KERNEL attention_bf16_##most(float* context, float* logs, const float* q, const float* k, const float* v,          \
                               const float* bias, const float* mask, Attended of, float alpha) {                     \
    attend<most>(context, logs, q, k, v, bias, mask, of, alpha);                                                     \
  }                                                                                                                  \
  KERNEL attention_bf16_query_gradient_##most(float* dQ, const float* q, const float* k, const float* v,             \
                                              const float* bias, const float* logs, const float* means,              \
                                              const float* dContext, const float* mask, Attended of, float alpha) {  \
    gradient_of_rows<false, most>(dQ, nullptr, q, k, v, bias, logs, means, dContext, mask, of, alpha);               \
  }                                                                                                                  \
  KERNEL attention_bf16_key_gradient_##most(float* dK, float* dV, const float* q, const float* k, const float* v,    \
                                            const float* bias, const float* logs, const float* means,                \
                                            const float* dContext, const float* mask, Attended of, float alpha) {    \
    gradient_of_rows<true, most>(dK, dV, q, k, v, bias, logs, means, dContext, mask, of, alpha);                     \
  }

ATTENTION(64)
ATTENTION(128)
