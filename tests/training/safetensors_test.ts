import assert from "node:assert/strict";
import { StageError } from "../../base/mod.ts";
import { decodeSafetensors } from "../../training/mod.ts";
import { encodeSafetensors } from "./support.ts";

const tensors = {
  "b": { shape: [2, 2], data: Float32Array.of(1, -0, NaN, Infinity) },
  "a": { shape: [], data: Float32Array.of(0.5) },
  "c": { shape: [0, 3], data: new Float32Array(0) },
};

Deno.test("safetensorsParts() writes the format's bytes: length, padded header in order of names, data", () => {
  const bytes = encodeSafetensors({ w: { shape: [1, 2], data: Float32Array.of(1, 2) } });
  const header = '{"w":{"data_offsets":[0,8],"dtype":"F32","shape":[1,2]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  assert.equal(new DataView(bytes.buffer).getBigUint64(0, true), BigInt(padded.length));
  assert.equal(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length)), padded);
  assert.deepEqual([...bytes.subarray(8 + padded.length)], [0, 0, 128, 63, 0, 0, 0, 64]); // 1, 2
});

Deno.test("decodeSafetensors() gives back every bit, whatever the order that tensors were given in", () => {
  const bytes = encodeSafetensors(tensors);
  const read = decodeSafetensors(bytes, "m");
  assert.deepEqual(Object.keys(read), ["a", "b", "c"]);
  assert.deepEqual(read, { a: tensors.a, b: tensors.b, c: tensors.c });
  assert.ok(Object.is(read.b.data[1], -0));
  const { c, a, b } = tensors;
  assert.deepEqual(encodeSafetensors({ c, a, b }), bytes);
});

Deno.test("decodeSafetensors() says which file and tensor is damaged", () => {
  const bytes = encodeSafetensors(tensors);
  const fails = (damaged: Uint8Array, message: RegExp) =>
    assert.throws(() => decodeSafetensors(damaged, "model.safetensors"), (error) => {
      assert.ok(error instanceof StageError);
      assert.match(error.message, message);
      return true;
    });
  fails(bytes.subarray(0, 5), /"model.safetensors": expected 8 bytes of length, found 5 bytes/);
  fails(
    bytes.subarray(0, 40),
    /"model.safetensors": expected a header of \d+ bytes, found a file of 40/,
  );
  fails(
    bytes.subarray(0, bytes.length - 1),
    /tensor "b" of "model.safetensors": expected data up to byte \d+, found a file of/,
  );
  const text = (from: string, to: string) => {
    const copy = bytes.slice();
    const at = new TextDecoder("latin1").decode(copy).indexOf(from);
    copy.set(new TextEncoder().encode(to), at);
    return copy;
  };
  fails(
    text('"F32","shape":[2,2]', '"F16","shape":[2,2]'),
    /tensor "b" .*expected dtype F32, found F16/,
  );
  fails(
    text('"shape":[2,2]', '"shape":[2,3]'),
    /tensor "b" .*expected 24 bytes for shape \[2, 3\], found 16/,
  );
  fails(text('{"a"', 'x"a"'), /expected a JSON header, found a damaged one/);
});

Deno.test("decodeSafetensors() refuses headers that only claim: lengths, ranges, names", () => {
  const file = (header: unknown, data = 8, claimed?: bigint) => {
    const text = new TextEncoder().encode(
      typeof header === "string" ? header : JSON.stringify(header),
    );
    const bytes = new Uint8Array(8 + text.length + data);
    new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
    bytes.set(text, 8);
    return bytes;
  };
  const one = (more: object) => ({
    w: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...more },
  });
  assert.deepEqual(decodeSafetensors(file(one({})), "m").w.data, new Float32Array(2));
  const cases: readonly [Uint8Array, RegExp][] = [
    [file(one({}), 8, 2n ** 63n), /a header of 9223372036854776000 bytes, found a file of/],
    [file("null"), /expected a JSON header, found one that is no object/],
    [file("[]"), /found one that is no object/],
    [file({ w: null }), /tensor "w" .*expected dtype F32, found undefined/],
    [file(one({ shape: [2 ** 40, 2 ** 40] })), /tensor "w" .*bytes for shape .*, found 8/],
    [file(one({ shape: [-2] })), /expected a shape of whole numbers, found \[-2\]/],
    [file(one({ shape: "2" })), /expected a shape of whole numbers, found "2"/],
    [file(one({ data_offsets: [0] })), /expected two data_offsets, found \[0\]/],
    [file(one({ data_offsets: [1e300, 8] })), /expected two data_offsets/],
    [file({ ...one({}), v: one({}).w }), /tensor "w" .*expected data from byte 8 on, found 0/], // overlap
    [file(one({ data_offsets: [8, 16] }), 16), /tensor "w" .*from byte 0 on, found 8/], // a hole
    [file(one({}), 16), /expected 8 bytes of data, found 16/],
    // The language keeps the last of two equal names.
    [
      file(
        '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
        16,
      ),
      /tensor "w" .*from byte 0 on, found 8/,
    ],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeSafetensors(bytes, "m"), (error) => {
      assert.ok(error instanceof StageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  const named = file('{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}');
  assert.deepEqual(Object.keys(decodeSafetensors(named, "m")), ["__proto__"]);
});

Deno.test("safetensorsParts() refuses data that does not fit its shape", () => {
  assert.throws(
    () => encodeSafetensors({ w: { shape: [3], data: new Float32Array(2) } }),
    /^RangeError: Cannot write tensor "w": expected 3 values for shape \[3\], found 2/,
  );
});
