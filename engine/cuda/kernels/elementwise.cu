// Element by element: a thread takes every n-th element. An output may lie where an input of the same shape does.
#include "common.cuh"
#include "tensor_cores.cuh"

// Where an element of the output has its operands: extents and steps of at most five axes, the outermost first.
struct Stretched {
  unsigned extent[5], left[5], right[5];
};

// The places of the operands of element i.
inline __device__ void places_of(const Stretched& shape, unsigned i, unsigned& left, unsigned& right) {
  left = right = 0;
#pragma unroll
  for (int axis = 4; axis >= 0; axis--) {
    const unsigned at = i % shape.extent[axis];
    i /= shape.extent[axis];
    left += at * shape.left[axis];
    right += at * shape.right[axis];
  }
}

#define BINARY(name, result)                                                                                   \
  KERNEL binary_##name(float* y, const float* left, const float* right, unsigned n) {                          \
    for (unsigned i = first_element(); i < n; i += element_step()) {                                           \
      const float a = left[i], b = right[i];                                                                   \
      y[i] = result;                                                                                           \
    }                                                                                                          \
  }                                                                                                            \
  KERNEL stretched_##name(float* y, const float* left, const float* right, unsigned n, Stretched shape) {      \
    for (unsigned i = first_element(); i < n; i += element_step()) {                                           \
      unsigned at_left, at_right;                                                                              \
      places_of(shape, i, at_left, at_right);                                                                  \
      const float a = left[at_left], b = right[at_right];                                                      \
      y[i] = result;                                                                                           \
    }                                                                                                          \
  }

#define UNARY(name, result)                                                \
  KERNEL unary_##name(float* y, const float* inputs, unsigned n) {         \
    for (unsigned i = first_element(); i < n; i += element_step()) {       \
      const float x = inputs[i];                                           \
      y[i] = result;                                                       \
    }                                                                      \
  }

// Gradients of unary functions: dX from dY and X.
#define GRADIENT(name, result)                                                             \
  KERNEL gradient_##name(float* dX, const float* dYs, const float* inputs, unsigned n) {   \
    for (unsigned i = first_element(); i < n; i += element_step()) {                       \
      const float x = inputs[i], dY = dYs[i];                                              \
      dX[i] = result;                                                                      \
    }                                                                                      \
  }

// The area under the standard normal density left of x, and the density.
inline __device__ float normal_area(float x) { return 0.5f * (1.0f + erff(x * 0.70710678f)); }
inline __device__ float normal_density(float x) { return 0.39894228f * expf(-0.5f * x * x); }

// tanh(√(2/π)·(x + 0.044715·x³)), and the slope of its argument.
inline __device__ float fast_tanh(float x) { return tanhf(0.79788456f * (x + 0.044715f * x * x * x)); }
inline __device__ float fast_slope(float x) { return 0.79788456f * (1.0f + 0.134145f * x * x); }

inline __device__ float fast_gelu_slope(float x) {
  const float t = fast_tanh(x);
  return 0.5f * (1.0f + t + x * (1.0f - t * t) * fast_slope(x));
}

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a * b)
UNARY(neg, -x)
UNARY(exp, expf(x))
UNARY(sqrt, sqrtf(x))
UNARY(erf, erff(x))
UNARY(gelu, x * normal_area(x))
UNARY(fast_gelu, 0.5f * x * (1.0f + fast_tanh(x)))
GRADIENT(gelu, dY * (normal_area(x) + x * normal_density(x)))
GRADIENT(fast_gelu, dY * fast_gelu_slope(x))

KERNEL to_bf16(unsigned short* y, const float* x, unsigned n) {
  for (unsigned i = first_element(); i < n; i += element_step()) y[i] = bf16_of(x[i]);
}

// sum += addend
KERNEL add_into(float* sum, const float* addend, unsigned n) {
  for (unsigned i = first_element(); i < n; i += element_step()) sum[i] += addend[i];
}

// [heads, length, length]: slope of the head·(j − i) where j ≤ i, else `hidden`.
KERNEL alibi_bias(float* bias, const float* slopes, unsigned length, float hidden, unsigned n) {
  for (unsigned at = first_element(); at < n; at += element_step()) {
    const int j = at % length, i = at / length % length;
    bias[at] = j > i ? hidden : slopes[at / length / length] * (float)(j - i);
  }
}

// [rows, columns]: scale where the product of two words, its low 32 bits as a signed number, reaches the limit, else 0.
KERNEL dropout_mask(float* mask, const int* rows, const int* columns, const int* limit, const float* scale,
                    unsigned width, unsigned n) {
  for (unsigned i = first_element(); i < n; i += element_step()) {
    const unsigned word = (unsigned)rows[i / width] * (unsigned)columns[i % width];
    mask[i] = (int)word >= limit[0] ? scale[0] : 0.0f;
  }
}
