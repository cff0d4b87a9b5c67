/**
 * Typed arrays that grow.
 */

type Growable =
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** The array itself if it has `length` items or more, else a copy at least twice as long, zero at its end. */
export function grown<T extends Growable>(array: T, length: number): T {
  if (length <= array.length) return array;
  const Kind = array.constructor as new (length: number) => T;
  const copy = new Kind(Math.max(length, array.length * 2));
  copy.set(array);
  return copy;
}
