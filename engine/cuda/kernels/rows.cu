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

// dX = (dY·scale − normal·mean(dY·normal·scale) − mean(dY·scale))·inverse, where normal = (x − mean)·inverse.
KERNEL layer_norm_gradient(float* dX, const float* dY, const float* x, const float* scale, const float* means,
                           const float* inverses, unsigned width) {
  x += (size_t)blockIdx.x * width;
  dX += (size_t)blockIdx.x * width;
  dY += (size_t)blockIdx.x * width;
  const float mean = means[blockIdx.x], inverse = inverses[blockIdx.x];
  float of_gradient = 0.0f, of_weighted = 0.0f;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
    const float direct = dY[c] * scale[c];
    of_gradient += direct;
    of_weighted += direct * ((x[c] - mean) * inverse);
  }
  of_gradient = block_sum(of_gradient) / (float)width;
  of_weighted = block_sum(of_weighted) / (float)width;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
    dX[c] = (dY[c] * scale[c] - (x[c] - mean) * inverse * of_weighted - of_gradient) * inverse;
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

// Sums of columns over 128 rows a block of 32 × 8 threads: block (x, y) takes 32 columns. Group 0 has the sums of its lanes' columns.
inline __device__ float sum_of_groups(float sum) {
  __shared__ float parts[8][32];
  const unsigned lane = threadIdx.x % 32, group = threadIdx.x / 32;
  parts[group][lane] = sum;
  __syncthreads();
  sum = parts[0][lane];
  for (int other = 1; other < 8; other++) sum += parts[other][lane];
  __syncthreads(); // parts may be written again
  return sum;
}

// Sums of columns times a factor: row y of `sums` is of the rows of block y.
KERNEL sum_columns(float* sums, const float* x, unsigned rows, unsigned columns, float factor) {
  const unsigned group = threadIdx.x / 32, column = blockIdx.x * 32 + threadIdx.x % 32;
  const unsigned end = min(rows, (blockIdx.y + 1) * 128);
  float sum = 0.0f;
  if (column < columns) {
    for (unsigned row = blockIdx.y * 128 + group; row < end; row += 8) sum += x[(size_t)row * columns + column];
  }
  sum = sum_of_groups(sum);
  if (group == 0 && column < columns) sums[(size_t)blockIdx.y * columns + column] = sum * factor;
}

// The same of dY·normal and of dY, where normal = (x − mean)·inverse: gradients of the scale and the bias of a layer norm.
KERNEL layer_norm_columns(float* scales, float* biases, const float* dY, const float* x, const float* means,
                          const float* inverses, unsigned rows, unsigned columns) {
  const unsigned group = threadIdx.x / 32, column = blockIdx.x * 32 + threadIdx.x % 32;
  const unsigned end = min(rows, (blockIdx.y + 1) * 128);
  float scale = 0.0f, bias = 0.0f;
  if (column < columns) {
    for (unsigned row = blockIdx.y * 128 + group; row < end; row += 8) {
      const size_t at = (size_t)row * columns + column;
      scale += dY[at] * ((x[at] - means[row]) * inverses[row]);
      bias += dY[at];
    }
  }
  scale = sum_of_groups(scale);
  bias = sum_of_groups(bias);
  if (group > 0 || column >= columns) return;
  scales[(size_t)blockIdx.y * columns + column] = scale;
  biases[(size_t)blockIdx.y * columns + column] = bias;
}
