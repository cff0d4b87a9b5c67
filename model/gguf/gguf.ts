/**
 * GGUF, the file format of llama.cpp and its relatives, version 3: names and numbers that writer and reader share.
 *
 * "GGUF", version, number of tensors, number of keys; keys with their values; a name, shape, type and place for each tensor;
 * then the tensors' elements, each at a multiple of `alignment` from the start of the elements. Little-endian throughout.
 *
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */

export const magic = "GGUF";
export const version = 3;
export const alignment = 32;

/** Types of values, as the format numbers them. */
export const valueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** The value of a key. 64-bit integers and other types are not needed here. */
export type GgufValue =
  | { readonly type: "uint32" | "int32" | "float32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "array"; readonly of: "string"; readonly value: readonly string[] }
  | { readonly type: "array"; readonly of: "float32"; readonly value: Float32Array }
  | { readonly type: "array"; readonly of: "int32"; readonly value: Int32Array }
  | { readonly type: "array"; readonly of: "uint8"; readonly value: Uint8Array };

export type GgufKeys = Readonly<Record<string, GgufValue>>;

/** Types of elements, as ggml numbers them. */
export const elementTypes = { F32: 0, F16: 1 } as const;

export type ElementType = keyof typeof elementTypes;

export const elementBytes: Readonly<Record<ElementType, number>> = { F32: 4, F16: 2 };

/** The least multiple of `alignment` from `length` on. */
export function aligned(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}
