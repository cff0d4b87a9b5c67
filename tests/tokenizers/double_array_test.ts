import assert from "node:assert/strict";
import fc from "fast-check";
import {
  buildDoubleArray,
  byteMask,
  type ByteStrings,
  type DoubleArray,
  endFlag,
  offsetShift,
} from "../../tokenizers/unigram/double_array.ts";

function find({ root, slots, values }: DoubleArray, key: Uint8Array): number {
  let offset = root;
  let value = -1;
  for (const byte of key) {
    const slot = offset ^ byte;
    if ((slots[slot] & byteMask) !== byte) return -1;
    assert.equal((slots[slot] & endFlag) !== 0, values[slot] >= 0);
    [offset, value] = [slots[slot] >>> offsetShift, values[slot]];
  }
  return value;
}

function joined(strings: readonly Uint8Array[]): ByteStrings {
  const starts = [0];
  for (const string of strings) starts.push(starts.at(-1)! + string.length);
  return { pool: Uint8Array.from(strings.flatMap((s) => [...s])), starts: Int32Array.from(starts) };
}

Deno.test("buildDoubleArray() finds its strings and no others", () => {
  const byte = fc.constantFrom(0, 1, 2, 97, 98, 255);
  const string = fc.uint8Array({ minLength: 1, maxLength: 5 })
    .chain((any) => fc.array(byte, { maxLength: 3 }).map((rest) => Uint8Array.of(...any, ...rest)));
  fc.assert(
    fc.property(fc.uniqueArray(string, { maxLength: 400, selector: String }), fc.array(string), (
      strings,
      others,
    ) => {
      const trie = buildDoubleArray(joined(strings));
      strings.forEach((key, i) => assert.equal(find(trie, key), i));
      const known = new Set(strings.map(String));
      for (const other of others) {
        if (!known.has(String(other))) assert.equal(find(trie, other), -1);
      }
    }),
    { seed: 3, numRuns: 40 },
  );
});

Deno.test("buildDoubleArray() takes no string for a NUL byte in an empty trie", () => {
  assert.equal(find(buildDoubleArray(joined([])), Uint8Array.of(0)), -1);
});

Deno.test("buildDoubleArray() refuses strings that are empty or occur twice", () => {
  const refuse = (texts: string[], message: RegExp) =>
    assert.throws(
      () => buildDoubleArray(joined(texts.map((text) => new TextEncoder().encode(text)))),
      { name: "RangeError", message },
    );
  refuse(["ab", "a", "ab"], /expected strings that differ, found it twice \("ab"\)/);
  refuse(["a", ""], /expected strings that are not empty/);
});
