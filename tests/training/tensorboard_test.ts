import assert from "node:assert/strict";
import { crc32c, encodeEvents } from "../../training/mod.ts";
import { readEvents } from "../support/event_file.ts";

Deno.test("crc32c() gives the values of RFC 3720, B.4, and the check value of CRC-32C", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("encodeEvents() begins with the bytes that files of TensorBoard begin with", () => {
  const begin = [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09]; // 24 bytes, their checksum, wall_time
  assert.deepEqual([...encodeEvents([]).subarray(0, begin.length)], begin);
});

Deno.test("encodeEvents() writes records whose checksums fit and whose scalars can be read back", () => {
  const scalars = [
    { step: 0, tag: "local/it/lossNatsMean", value: 5.25 },
    { step: 300, tag: "é", value: -0.5 },
    { step: 1, tag: "not finite", value: NaN },
    { step: 2 ** 40, tag: "far", value: 2 ** -20 },
  ];
  const { version, scalars: found } = readEvents(encodeEvents(scalars));
  assert.equal(version, "brain.Event:2");
  assert.deepEqual(
    found,
    scalars.filter(({ value }) => !Number.isNaN(value)).map((one) => ({ wallTime: 0, ...one })),
  );
});
