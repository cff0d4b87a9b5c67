// Products of stacks of matrices in single precision: y = alpha·op(a)·op(b) + beta·y + c. Each sum goes in rising order of the inner
// axis, in one accumulator.
#include "common.cuh"

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

// 64 × 64 outputs a block of 256 threads, 4 × 4 of them a thread.
template <bool transA, bool transB>
inline __device__ void multiply(float* y, const float* a, const float* b, const float* c, const Product& of,
                                float alpha, float beta) {
  __shared__ float left[depth][tile + 4], right[depth][tile + 4];
  unsigned stack = blockIdx.z;
  y += (size_t)stack * of.rows * of.columns;
  for (int axis = 2; axis >= 0; axis--) {
    const unsigned at = stack % of.extent[axis];
    stack /= of.extent[axis];
    a += (size_t)at * of.a[axis];
    b += (size_t)at * of.b[axis];
    c += (size_t)at * of.c[axis];
  }
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
    for (int j = 0; j < 4; j++) {
      const unsigned row = row0 + down + i, column = column0 + along + j;
      if (row >= of.rows || column >= of.columns) continue;
      float* at = y + (size_t)row * of.columns + column;
      float sum = alpha * sums[i][j];
      if (beta != 0.0f) sum = sum + beta * *at;
      if (of.has_c) sum = sum + c[(size_t)row * of.c_row + (size_t)column * of.c_column];
      *at = sum;
    }
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
