/**
 * Memory for the arrays of a training, which are large and live for a part of it.
 */

/** Arrays of this many bytes and more are on memory of their own. */
const largeBytes = 4 << 20;
/**
 * The allocator of C (glibc) gives back a freed block to the system at once if it is larger than 32 MiB, and keeps it
 * otherwise. A block that is too large costs nothing: the system gives its pages when they are written to.
 */
const ownBlockBytes = (32 << 20) + (64 << 10);

/** A class of typed arrays. */
export type Kind<T> = {
  new (memory: ArrayBufferLike, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** Gives an array of zeros. */
export type Allocate = <T>(Kind: Kind<T>, length: number) => T;

/** An array of zeros. */
export function zeros<T>(Kind: Kind<T>, length: number, isShared = false): T {
  const bytes = length * Kind.BYTES_PER_ELEMENT;
  if (bytes < largeBytes) return new Kind(memory(bytes, isShared), 0, length);
  const room = Math.max(bytes, ownBlockBytes);
  // V8 collects garbage by the memory that was asked for, but does not count shared memory. Ordinary memory that is never
  // used counts in its place.
  if (isShared) memory(room, false);
  return new Kind(memory(room, isShared), 0, length);
}

function memory(bytes: number, isShared: boolean): ArrayBufferLike {
  return isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}
