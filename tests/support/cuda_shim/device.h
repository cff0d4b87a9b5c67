// CUDA's threads on a processor, as far as the kernels of engine/cuda use them: kernels are compiled by g++ with this header before
// them. The threads of a block are fibers of one thread of the processor. A lane that shuffles waits for its warp, a thread at a
// barrier for its block.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)

struct Dim3 {
  unsigned x, y, z;
};
extern Dim3 threadIdx, blockIdx, blockDim, gridDim;

using std::max;
using std::min;

inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Waits until all threads of the block are at a barrier.
void __syncthreads();

// Waits until all lanes of the warp have given a value, and returns that of lane (own ^ mask).
uint64_t shim_shuffle(uint64_t value, int mask);

template <class Number>
Number __shfl_xor_sync(unsigned, Number value, int mask) {
  static_assert(sizeof(Number) <= sizeof(uint64_t));
  uint64_t word = 0;
  memcpy(&word, &value, sizeof value);
  word = shim_shuffle(word, mask);
  memcpy(&value, &word, sizeof value);
  return value;
}

// Calls a kernel with arguments behind pointers, as the driver is given them.
template <class... Parameters, size_t... At>
void shim_call(void (*kernel)(Parameters...), void** arguments, std::index_sequence<At...>) {
  kernel(*static_cast<Parameters*>(arguments[At])...);
}
template <class... Parameters>
void shim_call(void (*kernel)(Parameters...), void** arguments) {
  shim_call(kernel, arguments, std::index_sequence_for<Parameters...>());
}

// A kernel by its name: the table is made from the `.entry` lines of the PTX text.
struct ShimKernel {
  const char* name;
  void (*call)(void** arguments);
};
extern const ShimKernel shim_kernels[];
extern const size_t shim_kernel_count;
