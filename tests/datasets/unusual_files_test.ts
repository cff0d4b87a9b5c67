/**
 * Files that are unusual: they are read whole, or refused by the name of what they are.
 */
import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Field, Float64, Schema } from "apache-arrow";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { StageError } from "../../base/mod.ts";
import {
  type DocumentReader,
  openLocal,
  readerDefaults,
  readerModule,
} from "../../datasets/mod.ts";
import { ArrowFileWriter, float64Column } from "../../datasets/arrow_file.ts";
import { reader as arrow } from "../../datasets/readers/arrow.ts";
import { reader as csv } from "../../datasets/readers/csv.ts";
import { temporaryFolder } from "../support/command_line.ts";

const row = '{"text": "a"}\n';
const utf16 = (text: string) => Buffer.from(text, "utf16le");
const utf32 = (text: string) =>
  Buffer.from(Uint32Array.from(text, (c) => c.codePointAt(0)!).buffer);
const zeros = Buffer.alloc(700_000); // more than a chunk
/** A frame of zstd with a window of 2^31 bytes: magic number, descriptor, window. */
const longWindow = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0]);
const largeSegment = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]);

/** What a reader gives of a file: its texts, or the reason to refuse it. */
const files: [
  what: string,
  name: string,
  content: Uint8Array | string,
  right: string[] | RegExp,
][] = [
  ["nothing", "a.jsonl", "", []],
  ["blank lines only", "a.jsonl", "\n \r\n\n", []],
  ["nothing, as text", "a.txt", "", []],
  ["nothing, as csv", "a.csv", "", []],
  ["a header alone", "a.csv", "id,text\n", []],
  ["an empty array", "a.json", " [ ] ", []],
  ["nothing, packed", "a.jsonl.gz", gzipSync(""), []],
  ["nothing, packed as zstd", "a.jsonl.zst", zstdCompressSync(""), []],
  [
    "no bytes for gzip",
    "a.jsonl.gz",
    "",
    /expected whole gzip data, found a file that is cut short/,
  ],
  [
    "no bytes for zstd",
    "a.jsonl.zst",
    "",
    /expected whole zstd data, found a file that is cut short/,
  ],
  ["zeros after gzip", "a.jsonl.gz", Buffer.concat([gzipSync(row), zeros]), ["a"]],
  ["zeros after zstd", "a.jsonl.zst", Buffer.concat([zstdCompressSync(row), zeros]), ["a"]],
  [
    "3 zeros after zstd",
    "a.jsonl.zst",
    Buffer.concat([zstdCompressSync(row), zeros.subarray(0, 3)]),
    ["a"],
  ],
  ...["gz", "zst"].flatMap((end): typeof files => {
    const pack = end === "gz" ? gzipSync : zstdCompressSync;
    const name = `a.jsonl.${end}`;
    const trailing = /expected zeros or nothing after the end .*, found trailing bytes/;
    return [
      [`${end} after zeros`, name, Buffer.concat([pack(row), zeros, pack(row)]), trailing],
      [
        `${end} after few zeros`,
        name,
        Buffer.concat([pack(row), zeros.subarray(0, 5), pack(row)]),
        trailing,
      ],
      [`text after ${end}`, name, Buffer.concat([pack(row), Buffer.from("more text")]), trailing],
      [
        `plain text as ${end}`,
        name,
        row,
        /found plain data, not packed; take "\.\w+" off its name/,
      ],
      [`${end} in ${end}`, name, pack(pack(row)), /found \w+ data: it is packed twice/],
      [`UTF-16 in ${end}`, name, pack(utf16(row)), /expected UTF-8, found UTF-16/],
    ];
  }),
  [
    "zstd as gzip",
    "a.jsonl.gz",
    zstdCompressSync(row),
    /expected gzip data, found zstd data; end its name with "\.zst"/,
  ],
  [
    "a long window",
    "a.jsonl.zst",
    longWindow,
    /window of at most 134\.2 MB, found one of 2\.1 GB \(zstd --long\)/,
  ],
  [
    "a large segment",
    "a.jsonl.zst",
    largeSegment,
    /window of at most 134\.2 MB, found one of 4\.3 GB/,
  ],
  ...["a.txt", "a.csv", "a.tsv", "a.jsonl", "a.json"].flatMap((name): typeof files => [
    [`UTF-16 as ${name}`, name, utf16(row), /expected UTF-8, found UTF-16/],
    [`UTF-16 with a mark as ${name}`, name, utf16(`\ufeff${row}`), /expected UTF-8, found UTF-16/],
    [
      `UTF-16 of other scripts as ${name}`,
      name,
      utf16("знак за знаком\n"),
      /expected UTF-8, found UTF-16/,
    ],
    [
      `UTF-16 in the other order as ${name}`,
      name,
      utf16(row).swap16(),
      /expected UTF-8, found UTF-16/,
    ],
    [`UTF-32 as ${name}`, name, utf32(row), /expected UTF-8, found UTF-32/],
    [`UTF-32 with a mark as ${name}`, name, utf32(`\ufeff${row}`), /expected UTF-8, found UTF-32/],
  ]),
  ...["a.txt", "a.csv", "a.tsv", "a.jsonl"].flatMap((name): typeof files => {
    const message = /expected lines that end in LF or CR LF, found CR alone; write it with LF/;
    return [
      [`lines that end in CR as ${name}`, name, `text\r${row.trim()}\rb\r`, message],
      [`packed lines that end in CR as ${name}`, `${name}.gz`, gzipSync(`text\rb`), message],
    ];
  }),
  ["one line that ends in CR", "a.txt", "one\r", ["one"]],
  ["a CR inside of a line", "a.txt", "one\rtwo\n\nthree\n", ["one\rtwo", "three"]],
  ["JSON with CR between values", "a.json", '[{"text":"a"},\r{"text":"b"}\r]', ["a", "b"]],
  ["a cell with CR", "a.csv", 'id,text\n1,"a\rb"\n', ["a\rb"]],
  ["a header twice that nobody asks for", "a.csv", "id,text,,,id\n1,a,b,c,d\n", ["a"]],
  ["a row group without rows", "a.parquet", groups("empty"), []],
  ["a row group without rows first", "a.parquet", groups("empty", "full"), ["a", "b"]],
  ["a row group without rows last", "a.parquet", groups("full", "empty"), ["a", "b"]],
  ["a NUL in text", "a.txt", "one\0two\n", ["one\0two"]],
];

/** A parquet file whose row groups have no rows or two; of those without rows nothing else is right. */
function groups(...kinds: readonly ("empty" | "full")[]): Uint8Array {
  const writer = new ByteWriter();
  const schema: SchemaElement[] = [{ name: "root", num_children: 1 }, {
    name: "text",
    type: "BYTE_ARRAY",
    converted_type: "UTF8",
    repetition_type: "REQUIRED",
  }];
  const parquet = new ParquetWriter({ writer, schema });
  for (const kind of kinds) {
    parquet.write({ columnData: [{ name: "text", data: ["a", "b"] }] });
    const group = parquet.row_groups.at(-1)!;
    if (kind === "full") continue;
    group.num_rows = 0n;
    Object.assign(group.columns[0].meta_data!, {
      num_values: 0n,
      total_compressed_size: 0n,
      data_page_offset: 0n,
      codec: undefined,
    });
  }
  parquet.finish();
  return new Uint8Array(writer.getBuffer());
}

Deno.test("arrow reader refuses a wanted name that two columns have", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.arrow");
  const fields = ["text", "text"].map((name) => new Field(name, new Float64(), false));
  {
    using writer = new ArrowFileWriter(path, new Schema(fields));
    writer.write([float64Column([1]), float64Column([2])]);
    writer.finish();
  }
  await rejects(
    Array.fromAsync(arrow.read(path, readerDefaults)),
    /^StageError: Cannot read "a\.arrow": expected names of columns that differ, found "text" twice$/,
  );
});

Deno.test("records keep every column of a name that several have", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.csv");
  Deno.writeTextFileSync(path, "a,a,a#2,\n1,2,3,4\n");
  await using input = await openLocal(path);
  const records = await csv.readRecords(input, { maxRowBytes: 1000 });
  const rows = (await Array.fromAsync(records)).flat();
  deepStrictEqual(rows.map((row) => "value" in row && row.value), [
    { a: "1", "a#2": "2", "a#2#2": "3", "": "4" },
  ]);
});

for (const [what, name, content, right] of files) {
  Deno.test(`a reader ${right instanceof RegExp ? "refuses" : "reads"} ${what}`, async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, name);
    Deno.writeFileSync(path, Buffer.from(content));
    const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
    const texts: string[] = [];
    try {
      for await (const { text } of reader.read(path, readerDefaults)) texts.push(text);
    } catch (error) {
      ok(error instanceof StageError && right instanceof RegExp, `${error}`);
      match(error.message, right);
      ok(error.message.startsWith(`Cannot read "${name}"`), error.message);
      return;
    }
    deepStrictEqual(texts, right);
  });
}
