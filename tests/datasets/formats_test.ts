/**
 * Every file of the format samples: the values given beside it, or an error that names file, place and reason.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { reader as arrow } from "../../datasets/readers/arrow.ts";
import { reader as csv } from "../../datasets/readers/csv.ts";
import { reader as parquet } from "../../datasets/readers/parquet.ts";
import {
  type DocumentReader,
  openLocal,
  readerDefaults,
  readerModule,
} from "../../datasets/mod.ts";
import { canonicalJson, isFile, type Json, sha256, StageError } from "../../base/mod.ts";
import { needsData } from "../support/data.ts";
import { fromFileUrl } from "../support/paths.ts";
import { arrowJsonRows, unique } from "./arrow_json.ts";

const formats = needsData("formats");
const options = { maxRowBytes: readerDefaults.maxRowBytes };

async function rowsOf(reader: DocumentReader, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  await using input = await openLocal(path);
  for await (const batch of await reader.readRecords(input, options)) {
    for (const record of batch) {
      if ("problem" in record) throw new Error(`${path}, row ${record.row}: ${record.problem}`);
      rows.push(record.value as Record<string, unknown>);
    }
  }
  return rows;
}

/** Values as JSON can hold them, in the form that the `.json` files beside parquet files have. */
function plain(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return text(value) ?? [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).filter(([, inner]) => inner !== undefined).map((
        [key, inner],
      ) => [key, plain(inner)]),
    );
  }
  return value as Json;
}

function text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Files that are refused, and what the message must say. */
const refused: Readonly<Record<string, RegExp>> = {
  "parquet/bad_data/ARROW-GH-41317.parquet":
    /footer, row group 1: expected column "timestamp_us_no_tz", found "timestampWus_no_tz"/,
  "parquet/bad_data/ARROW-RS-GH-6229-LEVELS.parquet":
    /row group 0, column "outer": expected a page of at most 1 values, found 21/,
  "parquet/bad_data/PARQUET-1481.parquet":
    /footer: expected parquet metadata, found type -7 at element 1 of the schema/,
  "parquet/data/datapage_v1-corrupt-checksum.parquet":
    /row group 0, column "a": expected a page with its checksum, found other bytes/,
  // The one valid file that is refused: 4 kB that unpack to two strings of 2^30 bytes, and V8 has none above 2^29 - 24 units.
  "parquet/data/large_string_map.brotli.parquet":
    /row group 0, column "arr": expected a nested column of at most 536\.9 MB a row group, found 2\.1 GB in 2 values of "arr\.key_value\.key": text of more than 536\.9 MB cannot be held in a string/,
  "parquet/data/encrypt_columns_plaintext_footer.parquet.encrypted":
    /row group 0, column "float_field": expected a column that is not encrypted, found an encrypted one/,
  ...Object.fromEntries(
    [
      "data/aes256/uniform_encryption",
      "data/uniform_encryption",
      "data/encrypt_columns_and_footer",
      "data/encrypt_columns_and_footer_aad",
      "data/encrypt_columns_and_footer_ctr",
    ].map((
      name,
    ) => [`parquet/${name}.parquet.encrypted`, /found an encrypted footer; decrypt it first/]),
  ),
};

Deno.test({
  name: "formats: every parquet file is read to the rows it has, or refused with place and reason",
  ignore: formats.ignore,
  async fn(test) {
    const golden: Record<string, { rows: number; digest: string }> = JSON.parse(
      Deno.readTextFileSync(goldenPath),
    );
    const files = filesUnder(join(formats.path, "parquet"))
      .filter((path) => /\.parquet(\.encrypted)?$/.test(path));
    strictEqual(files.length, 65);
    const found: typeof golden = {};
    for (const path of files) {
      const name = path.slice(formats.path.length + 1);
      await test.step(name, async () => {
        if (Object.hasOwn(refused, name)) {
          const error = await rowsOf(parquet, path).then(() => undefined, (error) => error);
          ok(error instanceof StageError, `expected a StageError, found ${error}`);
          ok(error.message.startsWith(`Cannot read "${basename(path)}"`), error.message);
          match(error.message, refused[name]);
          return;
        }
        const rows = await rowsOf(parquet, path);
        // Rows without values beside them are held to what was read, and checked by hand, once.
        found[name] = {
          rows: rows.length,
          digest: sha256(canonicalJson(plain(rows))).slice(0, 16),
        };
        const expected = path.replace(/\.parquet$/, ".json");
        if (isFile(expected)) {
          deepStrictEqual(
            rows.map((row) => Object.values(row).map(plain)),
            JSON.parse(Deno.readTextFileSync(expected)),
          );
        }
        const table = path.replace(/\.parquet$/, "_expect.csv");
        if (isFile(table)) {
          const cells = (row: Record<string, unknown>) =>
            Object.values(row).map((value) => value === null ? "" : String(value));
          deepStrictEqual(rows.map(cells), (await rowsOf(csv, table)).map(cells));
        }
      });
    }
    if (Deno.env.has("DEPT_GOLDEN")) {
      Deno.writeTextFileSync(goldenPath, JSON.stringify(found, null, 2) + "\n");
    } else deepStrictEqual(found, golden);
  },
});

const goldenPath = fromFileUrl(import.meta.resolve("../golden/format_rows.json"));

Deno.test({
  name: "formats: parquet values that its notes give",
  ignore: formats.ignore,
  async fn() {
    const read = (name: string) => rowsOf(parquet, join(formats.path, "parquet", "data", name));
    // int96_from_spark.md, in microseconds; the last is beyond what a Date can hold.
    const micros = [1704141296123456n, 1704070800000000n, 253402225200000000n, 1735599600000000n];
    const moments = (await read("int96_from_spark.parquet")).map(({ a }) => a);
    strictEqual(moments[0], "2024-01-01T20:34:56.123456000Z");
    for (const i of [1, 2, 3]) {
      strictEqual((moments[i] as Date).getTime(), Number(micros[i] / 1000n));
    }
    strictEqual(moments[4], null);
    strictEqual(moments[5], "9089380393200000000000 * 10^-9 s since 1970-01-01");
    // map_no_value.md
    const maps = await read("map_no_value.parquet");
    for (const column of ["my_list", "my_map_no_v"]) { // "equivalent rows"
      deepStrictEqual(maps.map((row) => row[column]), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
    }
    deepStrictEqual(maps[1].my_map, { 4: null, 5: null, 6: null });
    // A dictionary of one entry needs no bits for its indices.
    const bad = join(formats.path, "parquet", "bad_data", "ARROW-GH-43605.parquet");
    const zeros = await rowsOf(parquet, bad);
    strictEqual(zeros.length, 21186);
    ok(zeros.every(({ min_fl }) => min_fl === 0));
    deepStrictEqual(
      (await read("alltypes_plain.parquet")).map(({ id }) => id),
      [4, 5, 6, 7, 2, 3, 0, 1],
    );
  },
});

/** Valid files that `apache-arrow` cannot read, or reads to wrong values, and what the message must say. */
const refusedArrow: readonly [name: string, message: RegExp][] = [
  ["generated_list_view", /expected a known kind of column, found a list view/],
  ["1.0.0-bigendian/", /expected little-endian data, found big-endian data/],
  ["0.17.1/generated_union", /expected unions of metadata V5, found V4/],
];

Deno.test({
  name: "formats: every Arrow file and stream is read to the values beside it",
  ignore: formats.ignore,
  async fn(test) {
    const files = filesUnder(join(formats.path, "arrow")).filter((path) =>
      !path.endsWith(".json.gz")
    );
    strictEqual(files.length, 50);
    for (const path of files) {
      await test.step(path.slice(formats.path.length + 1), async () => {
        const beside = path.replace(/\.(arrow_file|stream)$/, ".json.gz");
        const expected = JSON.parse(gunzipSync(Deno.readFileSync(beside)).toString("utf8"));
        const reason = refusedArrow.find(([name]) => path.includes(name))?.[1];
        if (reason !== undefined) {
          const error = await rowsOf(arrow, path).then(() => undefined, (error) => error);
          ok(error instanceof StageError, `expected a StageError, found ${error}`);
          ok(error.message.startsWith(`Cannot read "${basename(path)}"`), error.message);
          match(error.message, reason);
          return;
        }
        const rows = await rowsOf(arrow, path);
        deepStrictEqual(rows.map((row) => Object.values(row)), arrowJsonRows(expected));
        const names = expected.schema.fields.map(({ name }: { name: string }) => name);
        if (rows.length > 0) deepStrictEqual(Object.keys(rows[0]), unique(names));
      });
    }
  },
});

Deno.test({
  name: "formats: every jsonl file is read, the zstd one to the rows of the gzip one",
  ignore: formats.ignore,
  async fn() {
    const read = async (name: string) => {
      const path = join(formats.path, "jsonl", name);
      return await rowsOf((await import(readerModule(path))).reader, path);
    };
    const packed = ["cc_en_head-0091.jsonl.gz", "documents-000.json.gz", "test.jsonl.gz"];
    for (const name of packed) {
      const lines = gunzipSync(Deno.readFileSync(join(formats.path, "jsonl", name))).toString(
        "utf8",
      );
      const expected = lines.split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line)
      );
      deepStrictEqual(await read(name), expected);
    }
    deepStrictEqual(await read("test.jsonl.zst"), await read("test.jsonl.gz"));
  },
});

function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? filesUnder(path) : [path];
  });
}
