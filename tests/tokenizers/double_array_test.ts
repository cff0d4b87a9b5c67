import assert from "node:assert/strict";
import fc from "fast-check";
import {
  buildDoubleArray,
  byteMask,
  type DoubleArray,
  endFlag,
  offsetShift,
} from "../../tokenizers/unigram/double_array.ts";
import { compareBytes } from "../../tokenizers/unigram/utf8.ts";

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

Deno.test("buildDoubleArray() finds its strings and no others", () => {
  const byte = fc.constantFrom(0, 1, 2, 97, 98, 255);
  const string = fc.uint8Array({ minLength: 1, maxLength: 5 })
    .chain((any) => fc.array(byte, { maxLength: 3 }).map((rest) => Uint8Array.of(...any, ...rest)));
  fc.assert(
    fc.property(fc.uniqueArray(string, { maxLength: 400, selector: String }), fc.array(string), (
      strings,
      others,
    ) => {
      strings.sort(compareBytes);
      const trie = buildDoubleArray(strings);
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
  assert.equal(find(buildDoubleArray([]), Uint8Array.of(0)), -1);
});
