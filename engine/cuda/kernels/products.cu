// Products of stacks of matrices: y = alpha·op(a)·op(b) + beta·y + c, in single precision or with factors in TF32 or bf16. Each sum
// goes in rising order of the inner axis, in one accumulator.
#include "common.cuh"
#include "tensor_cores.cuh"

// Extents, then the steps between the matrices of a stack of at most three axes, the outermost first. y is dense.
struct Product {
  unsigned rows, columns, inner;
  unsigned extent[3], a[3], b[3], c[3];
  unsigned has_c, c_row, c_column; // whether there is a c, and the steps inside of its matrices
};

constexpr unsigned tile = 64, depth = 16;

// A strip of a factor in shared memory: part[k][i], from element (i, k) of the factor. `across` says that k is the row of its memory.
template <bool across>
inline __device__ void load(float (*part)[tile + 4], const float* factor, unsigned i0, unsigned extent, unsigned k0,
                            unsigned inner) {
  const unsigned thread = threadIdx.x;
#pragma unroll
  for (unsigned step = 0; step < 4; step++) {
    const unsigned i = across ? thread % 16 * 4 + step : thread / 4;
    const unsigned k = across ? thread / 16 : thread % 4 * 4 + step;
    const bool is_inside = i0 + i < extent && k0 + k < inner;
    const size_t at = across ? (size_t)(k0 + k) * extent + i0 + i : (size_t)(i0 + i) * inner + k0 + k;
    part[k][i] = is_inside ? factor[at] : 0.0f;
  }
}

// Goes to the matrices of this block in a stack.
inline __device__ void find_matrices(float*& y, const float*& a, const float*& b, const float*& c, const Product& of) {
  unsigned stack = blockIdx.z;
  y += (size_t)stack * of.rows * of.columns;
  for (int axis = 2; axis >= 0; axis--) {
    const unsigned at = stack % of.extent[axis];
    stack /= of.extent[axis];
    a += (size_t)at * of.a[axis];
    b += (size_t)at * of.b[axis];
    c += (size_t)at * of.c[axis];
  }
}

// An output, of its sum.
inline __device__ void put(float* y, const float* c, const Product& of, unsigned row, unsigned column, float sum,
                           float alpha, float beta) {
  if (row >= of.rows || column >= of.columns) return;
  float* at = y + (size_t)row * of.columns + column;
  sum = alpha * sum;
  if (beta != 0.0f) sum = sum + beta * *at;
  if (of.has_c) sum = sum + c[(size_t)row * of.c_row + (size_t)column * of.c_column];
  *at = sum;
}

// 64 × 64 outputs a block of 256 threads, 4 × 4 of them a thread.
template <bool transA, bool transB>
inline __device__ void multiply(float* y, const float* a, const float* b, const float* c, const Product& of,
                                float alpha, float beta) {
  __shared__ float left[depth][tile + 4], right[depth][tile + 4];
  find_matrices(y, a, b, c, of);
  const unsigned row0 = blockIdx.y * tile, column0 = blockIdx.x * tile;
  const unsigned down = threadIdx.x / 16 * 4, along = threadIdx.x % 16 * 4;
  float sums[4][4] = {};
  for (unsigned k0 = 0; k0 < of.inner; k0 += depth) {
    load<transA>(left, a, row0, of.rows, k0, of.inner);
    load<!transB>(right, b, column0, of.columns, k0, of.inner);
    __syncthreads();
#pragma unroll
    for (unsigned k = 0; k < depth; k++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) sums[i][j] = fmaf(left[k][down + i], right[k][along + j], sums[i][j]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) put(y, c, of, row0 + down + i, column0 + along + j, sums[i][j], alpha, beta);
  }
}

#define PRODUCT(name, transA, transB)                                                                          \
  KERNEL product_##name(float* y, const float* a, const float* b, const float* c, Product of, float alpha,     \
                        float beta) {                                                                          \
    multiply<transA, transB>(y, a, b, c, of, alpha, beta);                                                     \
  }

PRODUCT(nn, false, false)
PRODUCT(nt, false, true)
PRODUCT(tn, true, false)
PRODUCT(tt, true, true)

constexpr unsigned strip_words = 16; // of a row, or of a column, in shared memory

// A strip of a factor by its rows i, in words of the inner axis k; `across` says that k is the row of its memory.
template <bool is_bf16>
inline __device__ void load_words(unsigned (*part)[strip_words + 4], const float* factor, bool across, unsigned i0,
                                  unsigned extent, unsigned k0, unsigned inner) {
  for (unsigned at = threadIdx.x; at < tile * strip_words; at += blockDim.x) {
    const unsigned i = across ? at % tile : at / strip_words, word = across ? at / tile : at % strip_words;
    float values[2] = {};
    for (unsigned n = 0; n < numbers<is_bf16>; n++) {
      const unsigned k = k0 + numbers<is_bf16> * word + n;
      if (i0 + i >= extent || k >= inner) continue;
      values[n] = factor[across ? (size_t)k * extent + i0 + i : (size_t)(i0 + i) * inner + k];
    }
    part[i][word] = is_bf16 ? bf16_pair(values[0], values[1]) : tf32_of(values[0]);
  }
}

// 64 × 64 outputs a block of 128 threads: each warp has 32 × 32 of them, in 2 × 4 pieces of 16 × 8.
template <bool is_bf16>
inline __device__ void multiply_rounded(float* y, const float* a, const float* b, const float* c, const Product& of,
                                        float alpha, float beta, bool transA, bool transB) {
  __shared__ unsigned left[tile][strip_words + 4], right[tile][strip_words + 4];
  find_matrices(y, a, b, c, of);
  const unsigned row0 = blockIdx.y * tile, column0 = blockIdx.x * tile;
  const unsigned warp = threadIdx.x / 32, down = warp / 2 * 32, along = warp % 2 * 32;
  float sums[2][4][4] = {};
  for (unsigned k0 = 0; k0 < of.inner; k0 += numbers<is_bf16> * strip_words) {
    load_words<is_bf16>(left, a, transA, row0, of.rows, k0, of.inner);
    load_words<is_bf16>(right, b, !transB, column0, of.columns, k0, of.inner);
    __syncthreads();
#pragma unroll
    for (unsigned word = 0; word < strip_words; word += 8) {
      unsigned rows[2][4], columns[4][2];
#pragma unroll
      for (int i = 0; i < 2; i++) take_rows(rows[i], left + down + 16 * i, word);
#pragma unroll
      for (int j = 0; j < 4; j++) take_columns(columns[j], right + along + 8 * j, word);
#pragma unroll
      for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) multiply_add<is_bf16>(sums[i][j], rows[i], columns[j]);
      }
    }
    __syncthreads();
  }
  const unsigned row = row0 + down + threadIdx.x % 32 / 4, column = column0 + along + threadIdx.x % 4 * 2;
#pragma unroll
  for (unsigned i = 0; i < 2; i++) {
#pragma unroll
    for (unsigned j = 0; j < 4; j++) {
#pragma unroll
      for (unsigned n = 0; n < 4; n++) {
        put(y, c, of, row + 16 * i + n / 2 * 8, column + 8 * j + n % 2, sums[i][j][n], alpha, beta);
      }
    }
  }
}

KERNEL product_tf32(float* y, const float* a, const float* b, const float* c, Product of, float alpha, float beta,
                    unsigned transA, unsigned transB) {
  multiply_rounded<false>(y, a, b, c, of, alpha, beta, transA, transB);
}

KERNEL product_bf16(float* y, const float* a, const float* b, const float* c, Product of, float alpha, float beta,
                    unsigned transA, unsigned transB) {
  multiply_rounded<true>(y, a, b, c, of, alpha, beta, transA, transB);
}
