import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { parquetSchema, type SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { reader } from "../../datasets/readers/parquet.ts";
import { openLocal } from "../../datasets/mod.ts";
import { markNested, typeName } from "../../datasets/readers/parquet_types.ts";

Deno.test("markNested() knows lists and maps by newer and older marks, and maps without values", () => {
  const group = (mark: Partial<SchemaElement>, inner: readonly SchemaElement[]) => [
    { name: "column", repetition_type: "OPTIONAL", num_children: 1, ...mark },
    { name: "repeated", repetition_type: "REPEATED", num_children: inner.length },
    ...inner,
  ];
  const key = { name: "key", type: "INT32", repetition_type: "REQUIRED" };
  const value = { name: "value", type: "DOUBLE", repetition_type: "OPTIONAL" };
  const nameOf = (mark: object, ...inner: object[]) => {
    const elements = group(mark, inner as SchemaElement[]) as SchemaElement[];
    const schema = [{ name: "root", num_children: 1 }, ...elements];
    const root = parquetSchema({ schema } as never);
    markNested(root);
    return typeName(root.children[0]);
  };
  strictEqual(nameOf({ logical_type: { type: "LIST" } }, key), "list<int32>");
  strictEqual(nameOf({ logical_type: { type: "MAP" } }, key, value), "map<int32, double>");
  strictEqual(nameOf({ converted_type: "MAP_KEY_VALUE" }, key, value), "map<int32, double>");
  strictEqual(nameOf({ converted_type: "MAP" }, key), "list<int32>");
  strictEqual(nameOf({}, key), "struct<repeated: list<struct<key: int32>>>");
});

const mapSchema = (key: Partial<SchemaElement>): SchemaElement[] => [
  { name: "root", num_children: 1 },
  { name: "m", repetition_type: "OPTIONAL", num_children: 1, converted_type: "MAP" },
  { name: "key_value", repetition_type: "REPEATED", num_children: 2 },
  { name: "key", repetition_type: "REQUIRED", ...key },
  { name: "value", type: "BYTE_ARRAY", repetition_type: "OPTIONAL", converted_type: "UTF8" },
];

async function rowsOf(bytes: Uint8Array): Promise<unknown[]> {
  const path = Deno.makeTempFileSync({ suffix: ".parquet" });
  try {
    Deno.writeFileSync(path, bytes);
    const rows: unknown[] = [];
    await using input = await openLocal(path);
    for await (const batch of await reader.readRecords(input, { maxRowBytes: 1e6 })) {
      rows.push(...batch.map((record) => "value" in record ? record.value : record));
    }
    return rows;
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("parquet reader gives decimal keys of maps by their scale, however they are stored", async () => {
  const data = [[{ key: 1.25, value: "a" }, { key: -3, value: null }], null];
  const decimal = { converted_type: "DECIMAL", precision: 9, scale: 2 } as const;
  for (
    const stored of [
      { type: "INT32" },
      { type: "INT64" },
      { type: "FIXED_LEN_BYTE_ARRAY", type_length: 5 },
    ] as const
  ) {
    const schema = mapSchema({ ...decimal, ...stored });
    const bytes = new Uint8Array(parquetWriteBuffer({ schema, columnData: [{ name: "m", data }] }));
    deepStrictEqual(await rowsOf(bytes), [{ m: { "1.25": "a", "-3": null } }, { m: null }]);
  }
});

Deno.test("parquet reader gives moments as keys of maps whole, in every time zone", async () => {
  const schema = mapSchema({ type: "INT64", converted_type: "TIMESTAMP_MILLIS" });
  const data = [[
    { key: new Date("2024-05-06T07:08:09.123Z"), value: "a" },
    { key: new Date("2024-05-06T07:08:09.124Z"), value: "b" },
  ]];
  const bytes = new Uint8Array(parquetWriteBuffer({ schema, columnData: [{ name: "m", data }] }));
  deepStrictEqual(await rowsOf(bytes), [
    { m: { "2024-05-06T07:08:09.123Z": "a", "2024-05-06T07:08:09.124Z": "b" } },
  ]);
});

Deno.test("parquet reader refuses an index beyond the dictionary, in a nested column, too", async () => {
  const schema = mapSchema({ type: "BYTE_ARRAY", converted_type: "UTF8" });
  const data = Array.from({ length: 40 }, (_, i) => [{ key: `k${i % 3}`, value: "a" }]);
  const bytes = new Uint8Array(
    parquetWriteBuffer({ schema, columnData: [{ name: "m", data }], codec: "UNCOMPRESSED" }),
  );
  strictEqual((await rowsOf(bytes)).length, 40);
  // The dictionary page of the keys says how many entries it has: field 1 of field 7, zigzag.
  const at = bytes.findIndex((_, i) =>
    bytes[i] === 0x4c && bytes[i + 1] === 0x15 && bytes[i + 2] === 6
  );
  bytes[at + 2] = 4;
  await rejects(
    rowsOf(bytes),
    /column "m": expected indices of the dictionary, found a larger one/,
  );
});
