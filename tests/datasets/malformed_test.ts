/**
 * What readers refuse, and what they say: file, place and reason.
 */
import { match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import {
  type DocumentReader,
  readerDefaults,
  readerModule,
  type ReaderOptions,
} from "../../datasets/mod.ts";
import { StageError } from "../../base/mod.ts";
import { fuzzLimits, fuzzReaders } from "../instruments/datasets_fuzz.ts";
import { needsData } from "../support/data.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function messageOf(
  name: string,
  content: Uint8Array | string,
  more: Partial<ReaderOptions> = {},
) {
  const path = join(folder, name);
  Deno.writeFileSync(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  try {
    for await (const _ of reader.read(path, { ...readerDefaults, ...more }));
  } catch (error) {
    ok(error instanceof StageError, `expected a StageError, found ${error}`);
    ok(error.message.startsWith(`Cannot read "${name}"`), error.message);
    return error.message;
  }
  throw new Error("expected the reader to fail");
}

const zstd = zstdCompressSync('{"text": "a"}\n'.repeat(50_000));
const table = (more: Partial<Parameters<typeof parquetWriteBuffer>[0]> = {}) =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [{ name: "text", data: ["a", "b"], type: "STRING" }],
      ...more,
    }),
  );
const damaged = (bytes: Uint8Array, at: number, value: number) => {
  const copy = Uint8Array.from(bytes);
  copy.set([value], at < 0 ? copy.length + at : at);
  return copy;
};

const cases: [what: string, name: string, content: Uint8Array | string, message: RegExp][] = [
  [
    "an array that does not end",
    "a.json",
    '[{"text": "a"},\n',
    /: expected the array's "]" and no more after value 1, found ","/,
  ],
  [
    "an array cut in a value",
    "a.json",
    '[{"text": "a"}, {"te',
    /after value 1, found ", \{\\"te"/,
  ],
  [
    "an array without a comma",
    "a.json",
    '[{"text": "a"} {"text": "b"}]',
    /expected a comma before value 2/,
  ],
  ["more behind an array", "a.json", '[{"text": "a"}] {}', /found "\] \{\}"/],
  [
    "a number in an array",
    "a.json",
    '[{"text": "a"}, 5]',
    /value 2: expected an object, found a number/,
  ],
  [
    "a bad value in an array",
    "a.json",
    '[{"text": "a"}, {"text": }]',
    /value 2: expected JSON, found unexpected "}" at column 10/,
  ],
  [
    "values that do not end",
    "a.json",
    '{"text":\n"a"}\n{"text":\n',
    /expected the end of the file after value 1/,
  ],
  [
    "zstd that is cut short",
    "a.jsonl.zst",
    zstd.subarray(0, zstd.length - 3),
    /found a file that is cut short; fetch it again/,
  ],
  ["zstd cut at a block", "a.jsonl.zst", zstd.subarray(0, 40), /found a file that is cut short/],
  [
    "zstd that is damaged",
    "a.jsonl.zst",
    damaged(zstd, 30, 0xff),
    /expected zstd data, found damaged data/,
  ],
  [
    "zstd with other bytes behind it",
    "a.jsonl.zst",
    Buffer.concat([zstd, Buffer.from("more")]),
    /expected zeros or nothing after the end of the packed data, found trailing bytes/,
  ],
  [
    "gzip under a zstd name",
    "a.jsonl.zst",
    gzipSync("{}"),
    /expected zstd data, found gzip data; end its name with "\.gz"/,
  ],
  ["zstd under a plain name", "a.jsonl", zstd, /found zstd data; end its name with "\.zst"/],
  [
    "a csv row with a cell too few",
    "a.csv",
    "id,text\n1,a\n2\n",
    /line 3: expected 2 cells as in the header, found 1/,
  ],
  [
    "a csv quote inside a cell",
    "a.csv",
    'id,text\n1,a "b" c\n',
    /line 2: expected quotes around the whole cell, found one inside of it at column 5/,
  ],
  [
    "a csv cell behind its quote",
    "a.csv",
    'id,text\n1,"a" b\n',
    /line 2: expected a delimiter after the quote, found " " at column 6/,
  ],
  [
    "a csv quote that does not end",
    "a.csv",
    'id,text\n1,"a\n2,b\n',
    /line 2: expected a quote that ends the cell, found none at column 3/,
  ],
  [
    "csv columns of one name",
    "a.csv",
    "text,text\na,b\n",
    /line 1: expected names that differ, found "text" twice/,
  ],
  [
    "csv without the column",
    "a.csv",
    "id,txt\n1,a\n",
    /^Cannot read "a\.csv": expected a column "text", found "id", "txt" \(did you mean "txt"\?\)$/,
  ],
  [
    "parquet without the column",
    "a.parquet",
    table({ columnData: [{ name: "body", data: ["a"] }] }),
    /^Cannot read "a\.parquet": expected a column "text", found "body"$/,
  ],
  [
    "parquet with null for text",
    "a.parquet",
    table({ columnData: [{ name: "text", data: ["a", null], type: "STRING" }] }),
    /row 2, column "text": expected a string, found null/,
  ],
  [
    "parquet with numbers for text",
    "a.parquet",
    table({ columnData: [{ name: "text", data: [1, 2], type: "INT32" }] }),
    /row 1, column "text": expected a string, found a number/,
  ],
  [
    "parquet that is cut short",
    "a.parquet",
    table().subarray(0, 50),
    /expected "PAR1" at the end, found other bytes: cut short, or no parquet file/,
  ],
  ["no parquet", "a.parquet", "text", /expected a parquet file, found 4 bytes/],
  ["text as Arrow", "a.arrow", '{"text": "a"}\n'.repeat(9), /expected metadata inside the file/],
  ["Feather V1", "a.feather", "FEA1....FEA1", /found a Feather V1 file; write it as Feather V2/],
  [
    "half an Arrow file",
    "a.arrow",
    `ARROW1\0\0${"x".repeat(90)}`,
    /expected "ARROW1" at the end, found other bytes/,
  ],
];

for (const [what, name, content, message] of cases) {
  Deno.test(`readers refuse ${what}, naming the place`, async () => {
    match(await messageOf(name, content), message);
  });
}

Deno.test("readers bound what compressed data may expand to", async () => {
  // 30 MB of blank lines are 30 kB of gzip: a thousand times.
  const blank = gzipSync(Buffer.alloc(30e6, "\n"));
  match(
    await messageOf("a.jsonl.gz", blank),
    /expected data that expands to at most 200 times its size \(or 16\.8 MB\), found 1[678]\.\d MB from \d/,
  );
  // One row is held in memory, up to its limit.
  const long = zstdCompressSync(Buffer.alloc(10e6, " "));
  match(
    await messageOf("a.jsonl.zst", long, { maxRowBytes: 1e6 }),
    /line 1: expected a row of at most 1\.0 MB/,
  );
  // A page says how large it is unpacked; the codec is asked for no more.
  const file = table({
    columnData: [{ name: "text", data: ["a".repeat(9e6)], type: "STRING" }],
    codec: "SNAPPY",
  });
  const at = findPageSize(file, 9_000_006);
  ok(at > 0);
  const claims = Uint8Array.from(file);
  claims.set([0xfe, 0xff, 0xff, 0x7f], at); // a varint of the same length, much larger
  match(
    await messageOf("a.parquet", claims),
    /row group 0, column "text": expected SNAPPY data for 1342177\d\d bytes, found only \d+ bytes/,
  );
});

/** Place of a page's unpacked size in its header: a zigzag varint. */
function findPageSize(bytes: Uint8Array, size: number): number {
  const varint: number[] = [];
  for (let left = size * 2; left > 0; left = Math.floor(left / 128)) {
    varint.push(left % 128 + (left >= 128 ? 128 : 0));
  }
  for (let at = 0; at < bytes.length - varint.length; at++) {
    if (varint.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

Deno.test("parquet reader skips rows without text when told to, and names them", async () => {
  const path = join(folder, "nulls.parquet");
  Deno.writeFileSync(
    path,
    table({ columnData: [{ name: "text", data: ["a", null, "c"], type: "STRING" }] }),
  );
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  const skips: string[] = [];
  const onSkip = (reason: string) => skips.push(reason);
  const read = await Array.fromAsync(
    reader.read(path, { ...readerDefaults, badRows: "skip", onSkip }),
  );
  strictEqual(
    read.map(({ text, id }) => `${id} ${text}`).join(),
    "nulls.parquet:1 a,nulls.parquet:3 c",
  );
  strictEqual(skips.join(), '"nulls.parquet", row 2, column "text": expected a string, found null');
});

for (const format of ["jsonl", "json", "text", "csv", "tsv", "parquet", "arrow"]) {
  const isByColumns = format === "parquet" || format === "arrow";
  Deno.test({
    name: `reader ${format} ends with rows or a clear error on 1,000 damaged files`,
    ignore: isByColumns && needsData("formats").ignore,
    async fn() {
      const result = await fuzzReaders({ count: 1000, first: 0, seed: 5, format });
      strictEqual(result.failures.join("\n"), "");
      strictEqual(result.files, 1000);
      strictEqual(result.read + result.refused, 1000);
      ok(result.slowestMs < fuzzLimits.ms && result.residentMb < fuzzLimits.residentMb);
    },
  });
}
