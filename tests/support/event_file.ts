/**
 * Reads TensorBoard event files as their documentation has them, with nothing of the writer's.
 *
 * Source: tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details": uint64 length, uint32 masked crc32c of
 * length, bytes, uint32 masked crc32c of these; masked_crc = ((crc >> 15) | (crc << 17)) + 0xa282ead8ul.
 */
import assert from "node:assert/strict";

interface EventFile {
  readonly version: string;
  readonly scalars: readonly {
    readonly wallTime: number;
    readonly step: number;
    readonly tag: string;
    readonly value: number;
  }[];
}

/** @throws AssertionError for a checksum that does not fit, or bytes behind the last record. */
export function readEvents(bytes: Uint8Array): EventFile {
  const [first, ...events] = recordsOf(bytes).map(fieldsOf);
  const text = (field: unknown) => new TextDecoder().decode(field as Uint8Array);
  return {
    version: text(first.get(3)),
    scalars: events.map((event) => {
      const value = fieldsOf(fieldsOf(event.get(5) as Uint8Array).get(1) as Uint8Array);
      return {
        wallTime: event.get(1) as number,
        step: (event.get(2) ?? 0) as number, // what is left out is zero
        tag: text(value.get(1)),
        value: value.get(2) as number,
      };
    }),
  };
}

function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    assert.equal(view.getUint32(at + 8, true), checksum(bytes.subarray(at, at + 8)), `at ${at}`);
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(view.getUint32(at + 12 + length, true), checksum(data), `at ${at + 12}`);
    records.push(data);
    at += length + 16;
  }
  assert.equal(at, bytes.length);
  return records;
}

/** Masked CRC-32C, from the polynomial as it is printed, 0x1edc6f41: highest bit first, bytes and result turned round. */
function checksum(bytes: Uint8Array): number {
  const turned = (value: number, bits: number) => {
    let result = 0;
    for (let bit = 0; bit < bits; bit++) result = result * 2 + ((value >>> bit) & 1);
    return result;
  };
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder = (remainder ^ (turned(byte, 8) << 24)) >>> 0;
    for (let bit = 0; bit < 8; bit++) {
      const isOver = remainder >= 0x80000000;
      remainder = ((remainder << 1) ^ (isOver ? 0x1edc6f41 : 0)) >>> 0;
    }
  }
  const crc = BigInt(turned(~remainder >>> 0, 32));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** Fields of a protobuf message by number: numbers, or the bytes of what has a length. */
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
