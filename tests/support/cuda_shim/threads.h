// Runs the blocks of a launch one after the other, and the threads of a block as fibers that take turns. SHIM_ORDER=reverse runs
// blocks, warps and lanes from the last to the first: a result that depends on their order differs then.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vector>

#include "device.h"

#if defined(__x86_64__)
// Saves the registers that a call keeps on the stack of one fiber, and takes those of another from its stack.
extern "C" void shim_switch(void** from, void* to);
asm(R"(
.text
.globl shim_switch
shim_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");
using Fiber = void*;
inline void switch_fiber(Fiber& from, Fiber& to) { shim_switch(&from, to); }
inline void make_fiber(Fiber& fiber, char* stack, size_t bytes, void (*body)()) {
  void** top = reinterpret_cast<void**>(stack + bytes);
  *--top = nullptr; // where `body` would return to; it never does. The stack is as after a call.
  *--top = reinterpret_cast<void*>(body);
  for (int saved = 0; saved < 6; saved++) *--top = nullptr;
  fiber = top;
}
#else
#include <ucontext.h>
using Fiber = ucontext_t;
inline void switch_fiber(Fiber& from, Fiber& to) { swapcontext(&from, &to); }
inline void make_fiber(Fiber& fiber, char* stack, size_t bytes, void (*body)()) {
  getcontext(&fiber);
  fiber.uc_stack = {stack, 0, bytes};
  fiber.uc_link = nullptr;
  makecontext(&fiber, body, 0);
}
#endif

Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

constexpr unsigned most_threads = 1024, lanes = 32;
constexpr size_t stack_bytes = 64 << 10;

enum class State { ready, at_shuffle, at_barrier, ended };

struct Thread {
  Fiber fiber;
  State state;
  unsigned shuffles;
};

inline Thread threads[most_threads];
inline Fiber scheduler;
inline unsigned current;
inline ShimWords given[2][most_threads]; // by odd and even shuffles, as the next one may begin before all have read; and by thread
inline void (*call)(void**);
inline void** arguments;

inline void wait(State state) {
  threads[current].state = state;
  switch_fiber(threads[current].fiber, scheduler);
}

inline void run_thread() {
  call(arguments);
  wait(State::ended);
}

inline char* stack_of(unsigned thread) {
  static char* stacks = static_cast<char*>(mmap(nullptr, most_threads * stack_bytes, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return stacks + thread * stack_bytes;
}

inline bool is_reversed() {
  const char* order = getenv("SHIM_ORDER");
  return order != nullptr && strcmp(order, "reverse") == 0;
}

// Index `i` of `count`, in the order that is asked for.
inline unsigned in_order(unsigned i, unsigned count, bool reversed) { return reversed ? count - 1 - i : i; }

// Lets all threads from `from` to `to` that wait for the same go on; false where they do not all wait for it.
inline bool release(unsigned from, unsigned to, State state) {
  for (unsigned t = from; t < to; t++) {
    if (threads[t].state != state) return false;
  }
  for (unsigned t = from; t < to; t++) threads[t].state = State::ready;
  return true;
}

// A block whose threads wait for each other. False where some wait for what never comes.
inline bool run_fibers(unsigned count, bool reversed) {
  for (unsigned t = 0; t < count; t++) {
    threads[t].state = State::ready;
    threads[t].shuffles = 0;
    make_fiber(threads[t].fiber, stack_of(t), stack_bytes, run_thread);
  }
  for (unsigned ended = 0; ended < count;) {
    bool goes_on = false;
    for (unsigned i = 0; i < count; i++) {
      current = in_order(i, count, reversed);
      if (threads[current].state != State::ready) continue;
      threadIdx = {current, 0, 0};
      switch_fiber(scheduler, threads[current].fiber);
      if (threads[current].state == State::ended) ended++;
      goes_on = true;
    }
    for (unsigned from = 0; from < count; from += lanes) {
      if (release(from, from + lanes, State::at_shuffle)) goes_on = true;
    }
    if (release(0, count, State::at_barrier)) goes_on = true;
    if (!goes_on) return false;
  }
  return true;
}

// Runs a kernel. @param waits whether its threads wait for each other
inline bool run(void (*kernel)(void**), void** values, Dim3 grid, unsigned block, bool waits) {
  if (block == 0 || block > most_threads || (waits && block % lanes != 0)) return false;
  const bool reversed = is_reversed();
  call = kernel;
  arguments = values;
  gridDim = grid;
  blockDim = {block, 1, 1};
  const unsigned blocks = grid.x * grid.y * grid.z;
  for (unsigned i = 0; i < blocks; i++) {
    const unsigned at = in_order(i, blocks, reversed);
    blockIdx = {at % grid.x, at / grid.x % grid.y, at / grid.x / grid.y};
    if (waits) {
      if (!run_fibers(block, reversed)) return false;
      continue;
    }
    for (unsigned t = 0; t < block; t++) {
      threadIdx = {in_order(t, block, reversed), 0, 0};
      kernel(values);
    }
  }
  return true;
}

} // namespace shim

void __syncthreads() { shim::wait(shim::State::at_barrier); }

const ShimWords* shim_exchange(const ShimWords& words) {
  const unsigned own = shim::current;
  ShimWords* given = shim::given[shim::threads[own].shuffles++ % 2];
  given[own] = words;
  shim::wait(shim::State::at_shuffle);
  return given + own / shim::lanes * shim::lanes;
}
