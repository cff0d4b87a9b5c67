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

// Words of a lane, at most six.
struct ShimWords {
  uint32_t word[6];
};

// Waits until all lanes of the warp have given words, and returns those of lane 0, those of the others after them.
const ShimWords* shim_exchange(const ShimWords& own);

template <class Number>
Number __shfl_xor_sync(unsigned, Number value, int mask) {
  static_assert(sizeof(Number) <= sizeof(ShimWords));
  ShimWords words = {};
  memcpy(&words, &value, sizeof value);
  memcpy(&value, shim_exchange(words) + (threadIdx.x % 32 ^ mask), sizeof value);
  return value;
}

// sums += a·b as a warp's tensor cores do, the terms of a sum in their order. Which lane has what: tensor_cores.cuh.
template <bool is_bf16>
void shim_multiply_add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  constexpr unsigned numbers = is_bf16 ? 2 : 1;
  const ShimWords* lanes = shim_exchange({{a[0], a[1], a[2], a[3], b[0], b[1]}});
  const auto number = [](uint32_t word, unsigned n) { // of a word; in bf16 the upper half of single precision
    const uint32_t bits = !is_bf16 ? word : n == 0 ? word << 16 : word & 0xffff0000;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  };
  const unsigned group = threadIdx.x % 32 / 4, place = threadIdx.x % 4;
  for (unsigned i = 0; i < 4; i++) {
    const unsigned row = group + i / 2 * 8, column = 2 * place + i % 2;
    for (unsigned word = 0; word < 8; word++) {
      const uint32_t left = lanes[row % 8 * 4 + word % 4].word[row / 8 + word / 4 * 2];
      const uint32_t right = lanes[column * 4 + word % 4].word[4 + word / 4];
      for (unsigned n = 0; n < numbers; n++) sums[i] = fmaf(number(left, n), number(right, n), sums[i]);
    }
  }
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
