import assert from "node:assert/strict";
import { ProtoError, ProtoWriter, readFields } from "../../base/mod.ts";

Deno.test("ProtoWriter writes tags, varints, lengths and two's complement", () => {
  const writer = new ProtoWriter();
  writer.int(1, 300); // 300 = 0b10_0101100 → 0xac 0x02
  writer.int(2, -1); // 64 ones: nine full bytes and one
  writer.string(3, "é"); // two bytes of UTF-8
  writer.float(4, 1); // 0x3f800000, lowest byte first
  writer.double(5, -2); // 0xc000000000000000
  writer.message(16, (inner) => inner.int(1, 0)); // field 16 takes a tag of two bytes
  assert.deepEqual([...writer.finish()], [
    ...[0x08, 0xac, 0x02],
    ...[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ...[0x1a, 0x02, 0xc3, 0xa9],
    ...[0x25, 0x00, 0x00, 0x80, 0x3f],
    ...[0x29, 0, 0, 0, 0, 0, 0, 0, 0xc0],
    ...[0x82, 0x01, 0x02, 0x08, 0x00],
  ]);
});

Deno.test("readFields() gives the fields that were written, and says at which byte one is damaged", () => {
  const bytes = new ProtoWriter().int(1, 300).string(3, "é").float(4, 1).finish();
  const fields = [...readFields(bytes)].map(({ number, value }) => [number, value]);
  assert.deepEqual(fields, [[1, 300], [3, Uint8Array.of(0xc3, 0xa9)], [4, 0x3f800000]]);
  const [first, second] = readFields(bytes);
  const again = [first, second].map(({ start, end }) => bytes.subarray(start, end));
  assert.deepEqual(
    new ProtoWriter().raw(again[0]).raw(again[1]).finish(),
    bytes.slice(0, second.end),
  );
  assert.throws(() => [...readFields(bytes.subarray(0, -1))], (error) => {
    return error instanceof ProtoError && error.at === second.end; // the float lacks its last byte
  });
});
