// What the kernels share. They are compiled twice: by nvcc to the PTX text beside them, and by g++ for tests on a processor.
//
// The same program on the same card gives the same bytes: no atomic addition of floats, every sum in a fixed order, and grids that
// depend on shapes alone. Products are fused with additions only where `fmaf` says so (nvcc -fmad=false).
#pragma once

#define KERNEL extern "C" __global__ void

// The first element of a thread, and the distance to its next one, where a grid goes over a list.
inline __device__ unsigned first_element() { return blockIdx.x * blockDim.x + threadIdx.x; }
inline __device__ unsigned element_step() { return gridDim.x * blockDim.x; }

// Sum over the lanes of a warp, the same bytes in each lane: partners add the same two numbers.
template <class Number>
inline __device__ Number warp_sum(Number value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(~0u, value, lanes);
  return value;
}

inline __device__ float warp_max(float value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value = fmaxf(value, __shfl_xor_sync(~0u, value, lanes));
  return value;
}

// Sum over a block of whole warps, at most 32, in the order of warps; every thread has it.
template <class Number>
inline __device__ Number block_sum(Number value) {
  __shared__ Number parts[32];
  const unsigned warps = blockDim.x / 32;
  const Number own = warp_sum(value);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = own;
  __syncthreads();
  Number sum = parts[0];
  for (unsigned warp = 1; warp < warps; warp++) sum += parts[warp];
  __syncthreads(); // parts may be written again
  return sum;
}

inline __device__ float block_max(float value) {
  __shared__ float parts[32];
  const unsigned warps = blockDim.x / 32;
  const float own = warp_max(value);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = own;
  __syncthreads();
  float most = parts[0];
  for (unsigned warp = 1; warp < warps; warp++) most = fmaxf(most, parts[warp]);
  __syncthreads();
  return most;
}
