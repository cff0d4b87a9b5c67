// The calls of cuBLASLt that engine/cuda makes, with a plain product: column-major, strided stacks, alpha, beta, a bias of rows.
// Attributes have their sizes checked, as the library does.
#include <stdint.h>
#include <string.h>

#include <map>

#include "threads.h"

namespace lt {

enum Status { success = 0, invalid_value = 7, not_supported = 15 };

struct Description {
  int compute, transA = 0, transB = 0, epilogue = 1;
  uint64_t bias = 0;
};

struct Layout {
  uint64_t rows, columns;
  int64_t step;
  int count = 1;
  int64_t between = 0;
};

constexpr uint64_t algorithm = 0x6c74736869e5ab12; // what a caller must hand back as it was given

template <class Value>
int take(Value& to, const void* from, size_t bytes) {
  if (bytes != sizeof to) return invalid_value;
  memcpy(&to, from, bytes);
  return success;
}

// Rounded to ten bits after the point, to the nearest and then to the even one, as tensor cores take factors.
inline float rounded(float value, int compute) {
  if (compute != 77) return value;
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if ((bits & 0x7f800000) != 0x7f800000) bits += 0xfff + (bits >> 13 & 1);
  bits &= ~0x1fffu;
  memcpy(&value, &bits, 4);
  return value;
}

} // namespace lt

extern "C" {

size_t cublasLtGetVersion() { return 130101; }

int cublasLtCreate(uint64_t* handle) {
  *handle = 1;
  return lt::success;
}

int cublasLtMatmulDescCreate(uint64_t* made, int compute, int) {
  *made = reinterpret_cast<uint64_t>(new lt::Description{compute});
  return lt::success;
}

int cublasLtMatmulDescSetAttribute(uint64_t made, int which, const void* value, size_t bytes) {
  auto& description = *reinterpret_cast<lt::Description*>(made);
  switch (which) {
    case 3: return lt::take(description.transA, value, bytes);
    case 4: return lt::take(description.transB, value, bytes);
    case 7: return lt::take(description.epilogue, value, bytes);
    case 8: return lt::take(description.bias, value, bytes);
    default: return lt::invalid_value;
  }
}

int cublasLtMatrixLayoutCreate(uint64_t* made, int type, uint64_t rows, uint64_t columns, int64_t step) {
  if (type != 0 || step < int64_t(rows)) return lt::invalid_value;
  *made = reinterpret_cast<uint64_t>(new lt::Layout{rows, columns, step});
  return lt::success;
}

int cublasLtMatrixLayoutSetAttribute(uint64_t made, int which, const void* value, size_t bytes) {
  auto& layout = *reinterpret_cast<lt::Layout*>(made);
  switch (which) {
    case 5: return lt::take(layout.count, value, bytes);
    case 6: return lt::take(layout.between, value, bytes);
    default: return lt::invalid_value;
  }
}

int cublasLtMatmulPreferenceCreate(uint64_t* made) {
  *made = 1;
  return lt::success;
}

int cublasLtMatmulPreferenceSetAttribute(uint64_t, int which, const void*, size_t bytes) {
  return bytes == (which == 1 ? 8u : 4u) ? lt::success : lt::invalid_value;
}

int cublasLtMatmulAlgoGetHeuristic(uint64_t, uint64_t, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t, int asked,
                                   unsigned char* results, int* found) {
  if (asked != 1 || c != d) return lt::invalid_value;
  memset(results, 0, 96);
  memcpy(results, &lt::algorithm, 8);
  // SHIM_ALGORITHMS=0 plays a library that has none for a product.
  const char* none = getenv("SHIM_ALGORITHMS");
  *found = none != nullptr && strcmp(none, "0") == 0 ? 0 : 1;
  return lt::success;
}

int cublasLtMatmul(uint64_t, uint64_t description, const float* alpha, const float* a, uint64_t layoutA, const float* b,
                   uint64_t layoutB, const float* beta, const float* c, uint64_t, float* d, uint64_t layoutD,
                   const void* algorithm, uint64_t, size_t, uint64_t) {
  const auto& of = *reinterpret_cast<lt::Description*>(description);
  const auto& left = *reinterpret_cast<lt::Layout*>(layoutA);
  const auto& right = *reinterpret_cast<lt::Layout*>(layoutB);
  const auto& to = *reinterpret_cast<lt::Layout*>(layoutD);
  const uint64_t inner = of.transA ? left.rows : left.columns;
  const bool fits = (of.transA ? left.columns : left.rows) == to.rows &&
                    (of.transB ? right.rows : right.columns) == to.columns &&
                    (of.transB ? right.columns : right.rows) == inner && c == d && left.count == to.count &&
                    right.count == to.count && memcmp(algorithm, &lt::algorithm, 8) == 0;
  if (!fits) return lt::invalid_value;
  for (int stack = 0; stack < to.count; stack++) {
    for (uint64_t column = 0; column < to.columns; column++) {
      for (uint64_t row = 0; row < to.rows; row++) {
        float sum = 0;
        for (uint64_t k = 0; k < inner; k++) {
          const float x = a[stack * left.between + (of.transA ? row * left.step + k : k * left.step + row)];
          const float y = b[stack * right.between + (of.transB ? k * right.step + column : column * right.step + k)];
          sum = fmaf(lt::rounded(x, of.compute), lt::rounded(y, of.compute), sum);
        }
        float& result = d[stack * to.between + column * to.step + row];
        sum *= *alpha;
        if (*beta != 0) sum += *beta * result;
        if (of.epilogue == 4) sum += reinterpret_cast<const float*>(of.bias)[row];
        result = sum;
      }
    }
  }
  return lt::success;
}

} // extern "C"
