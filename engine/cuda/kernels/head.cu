// The loss of classes: a row of logits a block.
#include "common.cuh"

inline __device__ float largest(const float* x, unsigned width) {
  float most = -INFINITY;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) most = fmaxf(most, x[c]);
  return block_max(most);
}

inline __device__ float exp_sum(const float* x, unsigned width, float most) {
  float sum = 0.0f;
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) sum += expf(x[c] - most);
  return block_sum(sum);
}

// nll = logs − logits[target], logs = log Σ exp logits.
KERNEL head_loss(float* nll, float* logs, const float* logits, const int* targets, unsigned classes) {
  logits += (size_t)blockIdx.x * classes;
  const float most = largest(logits, classes);
  const float log = most + logf(exp_sum(logits, classes, most));
  if (threadIdx.x == 0) {
    logs[blockIdx.x] = log;
    nll[blockIdx.x] = log - logits[targets[blockIdx.x]];
  }
}

// Logits become their gradient: dNll·(exp(logit − logs) − [class = target]).
KERNEL head_gradient(float* logits, const float* logs, const float* dNll, const int* targets, unsigned classes) {
  logits += (size_t)blockIdx.x * classes;
  const float log = logs[blockIdx.x], factor = dNll[blockIdx.x];
  const unsigned target = targets[blockIdx.x];
  for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
    logits[c] = factor * (expf(logits[c] - log) - (c == target ? 1.0f : 0.0f));
  }
}

KERNEL cross_entropy(float* nll, float* probabilities, const float* logits, const int* targets, unsigned classes) {
  logits += (size_t)blockIdx.x * classes;
  probabilities += (size_t)blockIdx.x * classes;
  const float most = largest(logits, classes);
  const float sum = exp_sum(logits, classes, most);
  if (threadIdx.x == 0) nll[blockIdx.x] = most + logf(sum) - logits[targets[blockIdx.x]];
  for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) probabilities[c] = expf(logits[c] - most) / sum;
}

KERNEL cross_entropy_gradient(float* dLogits, const float* probabilities, const int* targets, const float* dNll,
                              unsigned classes) {
  dLogits += (size_t)blockIdx.x * classes;
  probabilities += (size_t)blockIdx.x * classes;
  const unsigned target = targets[blockIdx.x];
  for (unsigned c = threadIdx.x; c < classes; c += blockDim.x) {
    dLogits[c] = dNll[blockIdx.x] * (probabilities[c] - (c == target ? 1.0f : 0.0f));
  }
}
