// What moves numbers and computes nothing.
#include "common.cuh"

// Extents of at most six axes, the outermost first, and the steps between elements where they come from and where they go.
struct Move {
  unsigned extent[6], from[6], to[6];
};

// Transpose, parts of tensors, tensors as parts, stretching: y and x begin at the first element that moves.
KERNEL move(float* y, const float* x, unsigned n, Move shape) {
  for (unsigned i = first_element(); i < n; i += element_step()) {
    unsigned rest = i, from = 0, to = 0;
#pragma unroll
    for (int axis = 5; axis >= 0; axis--) {
      const unsigned at = rest % shape.extent[axis];
      rest /= shape.extent[axis];
      from += at * shape.from[axis];
      to += at * shape.to[axis];
    }
    y[to] = x[from];
  }
}

// Rows of a table by id, n numbers in all.
KERNEL gather(float* y, const float* table, const int* ids, unsigned width, unsigned n) {
  for (unsigned i = first_element(); i < n; i += element_step()) {
    y[i] = table[(unsigned)ids[i / width] * width + i % width];
  }
}

// The gradient of a gathered table, zero before: a block adds the rows of one id in the order of tokens. `order` has the tokens
// sorted by id, those of one id in their order; block d takes those from first[d] to first[d + 1].
KERNEL embedding_gradient(float* table, const float* rows, const int* ids, const int* order, const int* first,
                          unsigned width) {
  const int from = first[blockIdx.x], to = first[blockIdx.x + 1];
  if (from == to) return;
  const unsigned id = ids[order[from]];
  for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
    float sum = 0.0f;
    for (int i = from; i < to; i++) sum += rows[(unsigned)order[i] * width + c];
    table[id * width + c] = sum;
  }
}
