// A block takes a row: the sum of a row is that of each thread's elements in rising order, then of lanes, then of warps.
#include "common.cuh"

inline __device__ float row_sum(const float* x, unsigned width) {
  float sum = 0.0f;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) sum += x[c];
  return block_sum(sum);
}

inline __device__ float row_max(const float* x, unsigned width) {
  float most = -INFINITY;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) most = fmaxf(most, x[c]);
  return block_max(most);
}

inline __device__ float row_exp_sum(const float* x, unsigned width, float most) {
  float sum = 0.0f;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) sum += expf(x[c] - most);
  return block_sum(sum);
}

// y = (x − mean)·inverse·scale + bias; bias may be absent.
KERNEL layer_norm(float* y, float* means, float* inverses, const float* x, const float* scale, const float* bias,
                  unsigned width, float epsilon) {
  x += (size_t)blockIdx.x * width;
  y += (size_t)blockIdx.x * width;
  const float mean = row_sum(x, width) / (float)width;
  float squares = 0.0f;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) squares += (x[c] - mean) * (x[c] - mean);
  const float inverse = 1.0f / sqrtf(block_sum(squares) / (float)width + epsilon);
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
    const float scaled = (x[c] - mean) * inverse * scale[c];
    y[c] = bias == nullptr ? scaled : scaled + bias[c];
  }
  if (threadIdx.x == 0) {
    means[blockIdx.x] = mean;
    inverses[blockIdx.x] = inverse;
  }
}

KERNEL softmax(float* y, const float* x, unsigned width) {
  x += (size_t)blockIdx.x * width;
  y += (size_t)blockIdx.x * width;
  const float most = row_max(x, width);
  const float sum = row_exp_sum(x, width, most);
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) y[c] = expf(x[c] - most) / sum;
}

KERNEL log_sum_exp(float* y, const float* x, unsigned width) {
  x += (size_t)blockIdx.x * width;
  const float most = row_max(x, width);
  const float sum = row_exp_sum(x, width, most);
  if (threadIdx.x == 0) y[blockIdx.x] = most + logf(sum);
}

// Sums of rows times a factor.
KERNEL sum_rows(float* y, const float* x, unsigned width, float factor) {
  const float sum = row_sum(x + (size_t)blockIdx.x * width, width);
  if (threadIdx.x == 0) y[blockIdx.x] = sum * factor;
}

// Sums of columns times a factor, of 128 rows a block: block (x, y) writes 32 columns of row y of `sums`. A block is 32 × 8 threads.
KERNEL sum_columns(float* sums, const float* x, unsigned rows, unsigned columns, float factor) {
  __shared__ float parts[8][32];
  const unsigned lane = threadIdx.x % 32, group = threadIdx.x / 32;
  const unsigned column = blockIdx.x * 32 + lane;
  const unsigned end = min(rows, (blockIdx.y + 1) * 128);
  float sum = 0.0f;
  if (column < columns) {
    for (unsigned row = blockIdx.y * 128 + group; row < end; row += 8) sum += x[(size_t)row * columns + column];
  }
  parts[group][lane] = sum;
  __syncthreads();
  if (group > 0 || column >= columns) return;
  for (int other = 1; other < 8; other++) sum += parts[other][lane];
  sums[(size_t)blockIdx.y * columns + column] = sum * factor;
}
