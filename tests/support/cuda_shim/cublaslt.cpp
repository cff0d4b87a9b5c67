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
  int type;
  uint64_t rows, columns;
  int64_t step;
  int count = 1;
  int64_t between = 0;
};

constexpr uint64_t mark = 0x6c74736869e5ab12;

// What a caller must hand back as it was given: for addresses that are multiples of these.
struct Algorithm {
  uint64_t mark;
  uint32_t alignments[4];
};

inline uint32_t alignments[4] = {256, 256, 256, 256}; // of the one preference

template <class Value>
int take(Value& to, const void* from, size_t bytes) {
  if (bytes != sizeof to) return invalid_value;
  memcpy(&to, from, bytes);
  return success;
}

// An element of a factor in single precision or bf16.
inline float element(const void* from, const Layout& layout, int64_t at) {
  if (layout.type == 0) return static_cast<const float*>(from)[at];
  const uint32_t bits = uint32_t(static_cast<const uint16_t*>(from)[at]) << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
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
  if ((type != 0 && type != 14) || step < int64_t(rows)) return lt::invalid_value;
  *made = reinterpret_cast<uint64_t>(new lt::Layout{type, rows, columns, step});
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

int cublasLtMatmulPreferenceSetAttribute(uint64_t, int which, const void* value, size_t bytes) {
  if (which >= 5 && which <= 8) return lt::take(lt::alignments[which - 5], value, bytes);
  return bytes == (which == 1 ? 8u : 4u) ? lt::success : lt::invalid_value;
}

int cublasLtMatmulAlgoGetHeuristic(uint64_t, uint64_t, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t, int asked,
                                   unsigned char* results, int* found) {
  if (asked != 1 || c != d) return lt::invalid_value;
  memset(results, 0, 96);
  lt::Algorithm algorithm = {lt::mark, {}};
  memcpy(algorithm.alignments, lt::alignments, sizeof algorithm.alignments);
  memcpy(results, &algorithm, sizeof algorithm);
  // SHIM_ALGORITHMS=0 plays a library that has none for a product.
  const char* none = getenv("SHIM_ALGORITHMS");
  *found = none != nullptr && strcmp(none, "0") == 0 ? 0 : 1;
  return lt::success;
}

int cublasLtMatmul(uint64_t, uint64_t description, const float* alpha, const void* a, uint64_t layoutA, const void* b,
                   uint64_t layoutB, const float* beta, const float* c, uint64_t, float* d, uint64_t layoutD,
                   const lt::Algorithm* algorithm, uint64_t, size_t, uint64_t) {
  const auto& of = *reinterpret_cast<lt::Description*>(description);
  const auto& left = *reinterpret_cast<lt::Layout*>(layoutA);
  const auto& right = *reinterpret_cast<lt::Layout*>(layoutB);
  const auto& to = *reinterpret_cast<lt::Layout*>(layoutD);
  const uint64_t inner = of.transA ? left.rows : left.columns;
  const bool fits = (of.transA ? left.columns : left.rows) == to.rows &&
                    (of.transB ? right.rows : right.columns) == to.columns &&
                    (of.transB ? right.columns : right.rows) == inner && c == d && left.count == to.count &&
                    right.count == to.count && algorithm->mark == lt::mark && left.type == right.type && to.type == 0;
  if (!fits) return lt::invalid_value;
  const void* addresses[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    if (reinterpret_cast<uint64_t>(addresses[i]) % algorithm->alignments[i] != 0) return lt::invalid_value;
  }
  for (int stack = 0; stack < to.count; stack++) {
    for (uint64_t column = 0; column < to.columns; column++) {
      for (uint64_t row = 0; row < to.rows; row++) {
        float sum = 0;
        for (uint64_t k = 0; k < inner; k++) {
          const int64_t at_x = stack * left.between + (of.transA ? row * left.step + k : k * left.step + row);
          const int64_t at_y = stack * right.between + (of.transB ? k * right.step + column : column * right.step + k);
          const float x = lt::element(a, left, at_x), y = lt::element(b, right, at_y);
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
