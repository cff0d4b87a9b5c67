// The update of a parameter, and the norm of its gradient.
#include "common.cuh"

// Σ gradient² of 16,384 elements a block, in float64. The host adds the blocks in order.
KERNEL squares(double* sums, const float* gradient, unsigned n) {
  const unsigned end = min(n, (blockIdx.x + 1) * 16384);
  double sum = 0.0;
  for (unsigned i = blockIdx.x * 16384 + threadIdx.x; i < end; i += blockDim.x) {
    sum += (double)gradient[i] * (double)gradient[i];
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// θ ← keep·θ − stepSize·m / (√v·rootScale + ε), after the moments took the scaled gradient in.
KERNEL adamw(float* value, const float* gradient, float* m, float* v, unsigned n, float gradientScale, float beta1,
             float rest1, float beta2, float rest2, float stepSize, float rootScale, float epsilon, float keep) {
  for (unsigned i = first_element(); i < n; i += element_step()) {
    const float g = gradient[i] * gradientScale;
    const float first = beta1 * m[i] + rest1 * g;
    const float second = beta2 * v[i] + rest2 * (g * g);
    m[i] = first;
    v[i] = second;
    value[i] = keep * value[i] - stepSize * first / (sqrtf(second) * rootScale + epsilon);
  }
}
