/**
 * Damaged copies of files, the same for the same seed: what a cut transfer, a bad disk or a hostile writer leaves.
 */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Random, seedOf } from "../../base/mod.ts";

export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Small files of the text formats; those by columns come from the format samples. */
export function textSamples(): Sample[] {
  const encode = (text: string) => new TextEncoder().encode(text);
  const rows = Array.from({ length: 40 }, (_, i) => ({
    text: `row ${i}: "quoted", back\\slash, tab\there, ${"é漢😀".repeat(i % 4)}\nnext line`,
    meta: { pile_set_name: ["ArXiv", "USPTO"][i % 2], list: [i, null, true] },
  }));
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const jsonl = rows.map((row) => JSON.stringify(row)).join("\n") + "\n";
  const plain = {
    "a.jsonl": jsonl,
    "array.json": JSON.stringify(rows, null, 1),
    "end.json": rows.map((row) => JSON.stringify(row, null, 2)).join("\n"),
    "a.csv": `id,text\r\n${rows.map(({ text }, i) => `${i},${quoted(text)}`).join("\r\n")}\r\n`,
    "a.tsv": `sentence\tlabel\n${rows.map((_, i) => `a "word" ${i} \t${i % 2}`).join("\n")}\n`,
    "a.txt": rows.map(({ text }) => text).join("\n\n"),
  };
  const halves = [jsonl.slice(0, 999), jsonl.slice(999)];
  return [
    ...Object.entries(plain).map(([name, text]) => ({ name, bytes: encode(text) })),
    { name: "a.jsonl.gz", bytes: joined(halves.map((half) => gzipSync(half))) },
    { name: "a.jsonl.zst", bytes: joined(halves.map((half) => zstdCompressSync(half))) },
    { name: "array.json.gz", bytes: gzipSync(plain["array.json"]) },
    { name: "a.csv.zst", bytes: zstdCompressSync(plain["a.csv"]) },
  ];
}

/** Copy number `index` of a file of `samples`, with 1 to 3 kinds of damage. */
export function mutated(samples: readonly Sample[], seed: number, index: number): Sample {
  const random = new Random(seedOf(seed, `fuzz/${index}`));
  const pick = (n: number) => Math.floor(random.float64() * n);
  const { name, bytes } = samples[pick(samples.length)];
  const other = samples[pick(samples.length)].bytes;
  let copy: Uint8Array = Uint8Array.from(bytes); // not `slice`: of a Buffer it is no copy
  for (let times = 1 + pick(3); times > 0; times--) {
    // Damage that keeps the length gets past headers and footers, and does so more often.
    const kinds = pick(4) === 0 ? lengthChanges : inPlace;
    copy = kinds[pick(kinds.length)](copy, pick, other);
  }
  return { name, bytes: copy };
}

/** A copy of a JSON file that is JSON still: one or two of its values are of another kind, or missing. */
export function restructured({ name, bytes }: Sample, seed: number, index: number): Sample {
  const random = new Random(seedOf(seed, `restructured/${index}`));
  const pick = (n: number) => Math.floor(random.float64() * n);
  const file = JSON.parse(new TextDecoder().decode(bytes));
  for (let times = 1 + pick(2); times > 0; times--) {
    let node: Record<string, unknown> = file;
    for (let depth = 0; depth < 4; depth++) {
      const keys = Object.keys(node);
      if (keys.length === 0) break;
      const key = keys[pick(keys.length)];
      const value = node[key];
      if (typeof value === "object" && value !== null && pick(4) > 0) {
        node = value as Record<string, unknown>;
        continue;
      }
      const kind = pick(otherValues.length + 1);
      if (kind === otherValues.length) delete node[key];
      else node[key] = structuredClone(otherValues[kind]);
      break;
    }
  }
  return { name, bytes: new TextEncoder().encode(JSON.stringify(file)) };
}

const otherValues = [null, [], {}, "x", "", "\ud800", -1, 0.5, 1e9, 1e300, true];

type Damage = (bytes: Uint8Array, pick: (n: number) => number, other: Uint8Array) => Uint8Array;

/** Damage near the end meets footers, at the start headers. */
function place(length: number, pick: (n: number) => number): number {
  const region = pick(4);
  const near = Math.min(length, 600);
  return region === 0 ? pick(near) : region === 1 ? length - 1 - pick(near) : pick(length);
}

const extremes = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];
const integers = [
  0n,
  1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
  2n ** 20n,
  2n ** 24n,
];

const inPlace: readonly Damage[] = [
  function flipBits(bytes, pick) {
    for (let n = 1 + pick(8); n > 0 && bytes.length > 0; n--) {
      bytes[place(bytes.length, pick)] ^= 1 << pick(8);
    }
    return bytes;
  },
  function setBytes(bytes, pick) {
    for (let n = 1 + pick(4); n > 0 && bytes.length > 0; n--) {
      bytes[place(bytes.length, pick)] = extremes[pick(extremes.length)];
    }
    return bytes;
  },
  function setInteger(bytes, pick) {
    const size = [4, 8][pick(2)];
    if (bytes.length < size) return bytes;
    const at = Math.min(place(bytes.length, pick), bytes.length - size);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const value = integers[pick(integers.length)];
    if (size === 4) view.setUint32(at, Number(value & 0xffffffffn), true);
    else view.setBigUint64(at, value, true);
    return bytes;
  },
  function nudge(bytes, pick) {
    if (bytes.length > 0) bytes[place(bytes.length, pick)] += pick(2) === 0 ? 1 : -1;
    return bytes;
  },
  function graft(bytes, pick, other) {
    const [at, from] = [pick(bytes.length + 1), pick(other.length + 1)];
    const part = other.subarray(from, from + 1 + pick(200));
    const room = bytes.subarray(at, at + part.length);
    room.set(part.subarray(0, room.length));
    return bytes;
  },
  function zero(bytes, pick) {
    const at = pick(bytes.length + 1);
    bytes.subarray(at, at + 1 + pick(32)).fill(0);
    return bytes;
  },
];

const lengthChanges: readonly Damage[] = [
  (bytes, pick) => bytes.slice(0, pick(bytes.length + 1)), // cut short
  function remove(bytes, pick) {
    const at = pick(bytes.length + 1);
    return joined([bytes.subarray(0, at), bytes.subarray(at + 1 + pick(40))]);
  },
  function repeat(bytes, pick) {
    const at = pick(bytes.length + 1);
    const part = bytes.subarray(at, at + 1 + pick(60));
    return joined([bytes.subarray(0, at), ...Array(1 + pick(6)).fill(part), bytes.subarray(at)]);
  },
];

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
