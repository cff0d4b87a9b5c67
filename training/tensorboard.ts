/**
 * Metrics as a TensorBoard event file: records of protobuf messages, each with its checksums. There is no clock in it: every
 * event's time is the beginning of 1970.
 *
 * Source: tensorflow/core/lib/io/record_writer.h (length, its masked CRC-32C, bytes, theirs), tensorflow/core/util/event.proto
 * (wall_time 1, step 2, file_version 3, summary 5), summary.proto (value 1: tag 1, simple_value 2).
 */
import { Buffer } from "node:buffer";
import { ProtoWriter } from "../base/mod.ts";

export interface Scalar {
  readonly step: number;
  /** `trim/it/lossNats`: slashes make groups. */
  readonly tag: string;
  readonly value: number;
}

/** The name of the only event file of a folder; TensorBoard looks for `tfevents` in it. */
export const eventFile = "events.out.tfevents.0";

/** The bytes of an event file, an event a scalar, in the order given. Values that are not finite are left out. */
export function encodeEvents(scalars: Iterable<Scalar>): Uint8Array<ArrayBuffer> {
  const records = [record((event) => {
    event.double(1, 0);
    event.string(3, "brain.Event:2");
  })];
  for (const { step, tag, value } of scalars) {
    if (!Number.isFinite(value)) continue;
    records.push(record((event) => {
      event.double(1, 0);
      event.int(2, step);
      event.message(5, (summary) =>
        summary.message(1, (entry) => {
          entry.string(1, tag);
          entry.float(2, value);
        }));
    }));
  }
  return new Uint8Array(Buffer.concat(records));
}

/** Length as 8 bytes, the checksum of these, the message, its checksum. */
function record(write: (event: ProtoWriter) => void): Uint8Array {
  const writer = new ProtoWriter();
  write(writer);
  const data = writer.finish();
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return bytes;
}

/** A checksum of data that holds checksums would be weak: it is turned and shifted. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), polynomial 0x1edc6f41 reflected. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
