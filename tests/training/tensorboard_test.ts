import assert from "node:assert/strict";
import { crc32c, encodeEvents, maskedCrc } from "../../training/mod.ts";

Deno.test("crc32c() gives the check value of CRC-32C, and its mask is undone by hand", () => {
  const crc = crc32c(new TextEncoder().encode("123456789"));
  assert.equal(crc, 0xe3069283); // Koopman's catalogue: CRC-32/ISCSI
  const turned = (maskedCrc(new TextEncoder().encode("123456789")) - 0xa282ead8) >>> 0;
  assert.equal(((turned >>> 17) | (turned << 15)) >>> 0, crc);
});

Deno.test("encodeEvents() writes records whose checksums fit and whose scalars can be read back", () => {
  const scalars = [
    { step: 0, tag: "local/it/lossNatsMean", value: 5.25 },
    { step: 300, tag: "é", value: -0.5 },
    { step: 1, tag: "not finite", value: NaN },
  ];
  const [first, ...events] = recordsOf(encodeEvents(scalars)).map(fieldsOf);
  const text = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);
  assert.equal(text(first.get(3)), "brain.Event:2");
  const found = events.map((event) => {
    assert.equal(event.get(1), 0); // no clock
    const value = fieldsOf(fieldsOf(event.get(5) as Uint8Array).get(1) as Uint8Array);
    return { step: event.get(2), tag: text(value.get(1)), value: value.get(2) };
  });
  assert.deepEqual(found, scalars.slice(0, 2));
});

/** The messages of a file of records. */
function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer);
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    assert.equal(view.getUint32(at + 8, true), maskedCrc(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(view.getUint32(at + 12 + length, true), maskedCrc(data));
    records.push(data);
    at += length + 16;
  }
  return records;
}

/** Fields of a message by number: numbers, or the bytes of what has a length. */
function fieldsOf(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.set(field, varint());
    else if (wire === 1) {
      fields.set(field, view.getFloat64(at, true));
      at += 8;
    } else if (wire === 5) {
      fields.set(field, view.getFloat32(at, true));
      at += 4;
    } else {
      const length = varint();
      fields.set(field, bytes.subarray(at, at + length));
      at += length;
    }
  }
  return fields;
}
