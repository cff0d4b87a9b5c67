// Products of small matrices by a warp's tensor cores: factors in bf16 or TF32, sums in single precision. On a processor the lanes of
// a warp hand each other their parts (`tests/support/cuda_shim/`). Source: PTX ISA, `mma.sync`, fragments of m16n8k16 and m16n8k8.
#pragma once

// The upper half of single precision, rounded to the nearest and then to the even one; what is no number stays none.
inline __device__ unsigned bf16_of(float value) {
  const unsigned bits = __float_as_uint(value);
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  return is_nan ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

// Two numbers in bf16, the first in the lower half.
inline __device__ unsigned bf16_pair(float first, float second) {
#ifdef __CUDACC__
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
  return word;
#else
  return bf16_of(first) | bf16_of(second) << 16;
#endif
}

// Ten bits after the point, rounded to the nearest and then to the even one; infinity and what is no number stay.
inline __device__ unsigned tf32_of(float value) {
  const unsigned bits = __float_as_uint(value);
  return (bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
}

// Numbers in a word of a factor.
template <bool is_bf16>
constexpr unsigned numbers = is_bf16 ? 2 : 1;

// sums += a·b: a has 16 rows, b 8 columns, both 8 words along the inner axis. Of group g and place t of a lane (4·g + t), a is its
// words (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4), b its words (t, g), (t + 4, g), sums (g, 2t), (g, 2t + 1), (g + 8, 2t),
// (g + 8, 2t + 1).
template <bool is_bf16>
inline __device__ void multiply_add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#ifdef __CUDACC__
  if constexpr (is_bf16) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#else
  shim_multiply_add<is_bf16>(sums, a, b);
#endif
}

// A lane's words of 16 rows of a factor that lies in shared memory by rows, from word `at` on.
template <unsigned width>
inline __device__ void take_rows(unsigned (&a)[4], const unsigned (*rows)[width], unsigned at) {
  const unsigned group = threadIdx.x % 32 / 4, place = at + threadIdx.x % 4;
  a[0] = rows[group][place];
  a[1] = rows[group + 8][place];
  a[2] = rows[group][place + 4];
  a[3] = rows[group + 8][place + 4];
}

// The same of 8 columns of the other factor, which lies by columns.
template <unsigned width>
inline __device__ void take_columns(unsigned (&b)[2], const unsigned (*columns)[width], unsigned at) {
  const unsigned group = threadIdx.x % 32 / 4, place = at + threadIdx.x % 4;
  b[0] = columns[group][place];
  b[1] = columns[group][place + 4];
}
