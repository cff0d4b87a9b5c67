// Kernels with the faults that tests on a processor are to find (`tests/support/cuda_shim_test.ts`).
#include "common.cuh"

// Reads what another thread writes, without a barrier between.
KERNEL unwaited(float* y) {
  __shared__ float given[64];
  given[threadIdx.x] = (float)threadIdx.x;
  y[threadIdx.x] = given[63 - threadIdx.x];
}

// The same with the barrier.
KERNEL waited(float* y) {
  __shared__ float given[64];
  given[threadIdx.x] = (float)threadIdx.x;
  __syncthreads();
  y[threadIdx.x] = given[63 - threadIdx.x];
}

// Half of the lanes shuffle.
KERNEL lone_shuffle(float* y) {
  if (threadIdx.x % 2 == 0) y[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 2);
}

// One warp has ended when the other is at a barrier.
KERNEL lone_barrier(float* y) {
  if (threadIdx.x < 32) return;
  __syncthreads();
  y[threadIdx.x] = 1.0f;
}

// Lanes of a warp wait for different things.
KERNEL parted(float* y) {
  if (threadIdx.x % 2 == 0) __syncthreads();
  else y[threadIdx.x] = __shfl_xor_sync(~0u, 1.0f, 1);
}
