import { strictEqual } from "node:assert/strict";
import { parquetSchema, type SchemaElement } from "hyparquet";
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
