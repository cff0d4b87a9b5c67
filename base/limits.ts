/**
 * Limits that several rooms keep.
 */

/** Twice the hardware threads of the largest machines: who starts many more stalls any. */
export const maxThreads = 1024;
