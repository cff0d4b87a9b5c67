import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import fc from "fast-check";
import {
  type Document,
  type DocumentReader,
  readerDefaults,
  readerModule,
  type ReaderOptions,
} from "../../datasets/mod.ts";
import { reader as arrow } from "../../datasets/readers/arrow.ts";
import { reader as jsonl } from "../../datasets/readers/jsonl.ts";
import { reader as text } from "../../datasets/readers/text.ts";
import { StageError, UsageError } from "../../base/mod.ts";
import { needsData } from "../support/data.ts";
import { projectRoot } from "../support/paths.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const utf8 = (value: string) => new TextEncoder().encode(value);

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  Deno.writeFileSync(path, typeof content === "string" ? utf8(content) : content);
  return path;
}

async function documentsOf(
  reader: DocumentReader,
  path: string,
  options: Partial<ReaderOptions> = {},
): Promise<Document[]> {
  return await Array.fromAsync(reader.read(path, { ...readerDefaults, ...options }));
}

async function messageOf(
  reader: DocumentReader,
  path: string,
  options: Partial<ReaderOptions> = {},
): Promise<string> {
  try {
    await documentsOf(reader, path, options);
  } catch (error) {
    ok(error instanceof StageError, `expected a StageError, found ${error}`);
    return error.message;
  }
  throw new Error("expected the reader to fail");
}

/** Content of `bad.jsonl` and what the message must say. */
const malformed: Record<string, [content: string | Uint8Array, message: RegExp]> = {
  "a value that is missing": [
    '{"text": "a"}\n{"text": }\n',
    /^Cannot read "bad\.jsonl", line 2: expected JSON, found unexpected "}" at column 10;/,
  ],
  "a comma that is missing": ['{"text": "a" "b"}\n', /line 1: .* at column 14/],
  "an object that does not end": ['{"text": "a"', /line 1: expected JSON, .* at column 13/],
  "a literal that does not end": ["nul\n", /"Unexpected end of JSON input" at column 4/],
  "a tab inside a string": ['{"text": "a\tb"}\n', /"Bad control character.*" at column 12/],
  "a second value": ['{"text": "a"} 5\n', /"Unexpected non-whitespace.*" at column 15/],
  "an array": ["[1]\n", /line 1: expected an object, found an array/],
  "null": ["null\n", /line 1: expected an object, found null/],
  "a string": ['"text"\n', /line 1: expected an object, found a string/],
  "no text field": [
    '{"txt": "a", "id": 1}\n',
    /line 1: expected a field "text", found "txt", "id" \(did you mean "txt"\?\)/,
  ],
  "no field at all": ["{}\n", /expected a field "text", found an object without fields/],
  "many fields": [
    `{${Array.from({ length: 11 }, (_, i) => `"field${i}": 0`).join(",")}}\n`,
    /found "field0", .*"field7" and 3 more/,
  ],
  "a number as text": [
    '{"text": "a"}\n\n{"text": 5}\n',
    /"bad\.jsonl", line 3, field "text": expected a string, found a number/,
  ],
  "null as text": ['{"text": null}\n', /field "text": expected a string, found null/],
  "a list as text": ['{"text": ["a"]}\n', /field "text": expected a string, found an array/],
  "half a surrogate pair": [
    '{"text": "ab\\ud800"}\n',
    /field "text": expected well-formed Unicode, found a lone surrogate at character 3/,
  ],
  "Latin-1": [
    Uint8Array.of(...utf8('{"text": "a"}\n{"text": "caf'), 0xe9, ...utf8(' au lait"}\n')),
    /line 2: expected UTF-8, found byte 0xe9 at offset 13 of the row/,
  ],
  "a character cut by the end": [
    Uint8Array.of(...utf8('{"text": "a"}\n{"'), 0xe4, 0xb8),
    /line 2: expected UTF-8, found byte 0xe4 at offset 2 of the row/,
  ],
  "gzip under a plain name": [gzipSync("{}"), /expected text, found gzip data; end its name/],
};

for (const [what, [content, message]] of Object.entries(malformed)) {
  Deno.test(`jsonl reader refuses ${what}, naming the place`, async () => {
    match(await messageOf(jsonl, fileOf("bad.jsonl", content)), message);
  });
}

Deno.test("jsonl reader refuses a row above maxRowBytes, inside a chunk and across chunks", async () => {
  const long = JSON.stringify({ text: "x".repeat(1_500_000) });
  const path = fileOf("long.jsonl", `{"text": "a"}\n${long}\n{"text": "b"}\n`);
  const across = await messageOf(jsonl, path, { maxRowBytes: 1_000_000 });
  match(across, /"long\.jsonl", line 2: expected a row of at most 1\.0 MB, found a longer one/);
  match(
    await messageOf(jsonl, path, { maxRowBytes: 12 }),
    /line 1: expected a row of at most 12 B/,
  );
  const skips: string[] = [];
  const onSkip = (reason: string) => skips.push(reason);
  const kept = await documentsOf(jsonl, path, { maxRowBytes: 13, badRows: "skip", onSkip });
  deepStrictEqual(kept.map(({ id }) => id), ["long.jsonl:1", "long.jsonl:3"]);
  strictEqual(skips.length, 1);
  strictEqual((await documentsOf(jsonl, path))[1].text.length, 1_500_000);
});

Deno.test("jsonl reader skips bad rows when told to, and reports each with its place", async () => {
  const rows = Uint8Array.of(
    ...utf8('{"text": "a"}\n{"text": 1}\nnope\n{"text": "'),
    0xff,
    ...utf8('"}\n{"text": "b"}'),
  );
  const skips: string[] = [];
  const path = fileOf("mixed.jsonl", rows);
  const onSkip = (reason: string) => skips.push(reason);
  const documents = await documentsOf(jsonl, path, { badRows: "skip", onSkip });
  deepStrictEqual(documents, [
    { text: "a", id: "mixed.jsonl:1" },
    { text: "b", id: "mixed.jsonl:5" },
  ]);
  strictEqual(skips.length, 3);
  match(skips[0], /^"mixed\.jsonl", line 2, field "text": expected a string, found a number$/);
  match(skips[1], /line 3: expected JSON/);
  match(skips[2], /line 4: expected UTF-8, found byte 0xff at offset 10/);
  const none = fileOf("none.jsonl", "x\ny\n");
  deepStrictEqual(await documentsOf(jsonl, none, { badRows: "skip" }), []);
});

Deno.test("jsonl reader takes a byte order mark, CRLF, blank lines and a last line without LF", async () => {
  const path = fileOf(
    "windows.jsonl",
    '\ufeff{"text": "one"}\r\n\r\n{"text": "two\\r\\n", "n": 1}\r\n{"text": ""}',
  );
  deepStrictEqual(await documentsOf(jsonl, path), [
    { text: "one", id: "windows.jsonl:1" },
    { text: "two\r\n", id: "windows.jsonl:3" },
    { text: "", id: "windows.jsonl:4" },
  ]);
});

Deno.test("jsonl reader reads the field it is told", async () => {
  const path = fileOf("body.jsonl", '{"text": "no", "body": "yes"}\n');
  strictEqual((await documentsOf(jsonl, path, { textField: "body" }))[0].text, "yes");
});

Deno.test("jsonl reader reads gzip of several members", async () => {
  const members = ['{"text": "a"}\n{"te', 'xt": "b"}\n', '{"text": "c"}'].map((s) => gzipSync(s));
  const path = fileOf("members.jsonl.gz", Buffer.concat(members));
  deepStrictEqual((await documentsOf(jsonl, path)).map(({ text }) => text), ["a", "b", "c"]);
});

Deno.test("jsonl reader refuses gzip that is cut short, damaged, or none", async () => {
  const whole = gzipSync('{"text": "a"}\n'.repeat(100_000));
  const cut = fileOf("cut.jsonl.gz", whole.subarray(0, whole.length - 9));
  match(
    await messageOf(jsonl, cut),
    /^Cannot read "cut\.jsonl\.gz": .*found a file that is cut short/,
  );
  const bytes = Uint8Array.from(whole);
  bytes[bytes.length - 6] ^= 1; // of the checksum
  match(await messageOf(jsonl, fileOf("sum.jsonl.gz", bytes)), /expected gzip data, found damaged/);
  match(await messageOf(jsonl, fileOf("no.jsonl.gz", "{}")), /expected gzip data, found plain/);
});

Deno.test("readers refuse what is no file", async () => {
  match(await messageOf(jsonl, join(folder, "absent.jsonl")), /"absent\.jsonl": .*found nothing/);
  match(await messageOf(jsonl, join(folder, "absent.jsonl.gz")), /found nothing there/);
  match(await messageOf(text, folder), /expected a .*file, found/);
  // To open a pipe would wait for ever, and a device has no end.
  const pipe = join(folder, "pipe.jsonl");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  match(await messageOf(jsonl, pipe), /"pipe\.jsonl": expected a file, found a pipe or device/);
  const device = join(folder, "zero.jsonl");
  Deno.symlinkSync("/dev/zero", device);
  match(await messageOf(jsonl, device), /"zero\.jsonl": expected a file, found a pipe or device/);
});

Deno.test("jsonl reader gives back any texts, whatever the borders of chunks (property)", async () => {
  const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 40 }), { minLength: 1 });
  const isolated = fc.tuple(texts, fc.boolean(), fc.nat(600_000));
  await fc.assert(
    fc.asyncProperty(isolated, async ([parts, zipped, padding]) => {
      // A long first document moves the others over the border of the first chunk.
      const all = ["é".repeat(padding / 2), ...parts];
      const content = all.map((part) => JSON.stringify({ text: part })).join("\n");
      const path = fileOf(
        zipped ? "any.jsonl.gz" : "any.jsonl",
        zipped ? gzipSync(content, { level: 1 }) : content,
      );
      deepStrictEqual((await documentsOf(jsonl, path)).map((d) => d.text), all);
    }),
    { numRuns: 30, seed: 7 },
  );
});

Deno.test("text reader cuts at blank lines, at lines, or not at all", async () => {
  const path = fileOf("prose.txt", "\ufeff\n\none\r\ntwo\r\n \n\nthree\n\n");
  const read = (textDocuments: ReaderOptions["textDocuments"]) =>
    documentsOf(text, path, { textDocuments });
  deepStrictEqual(await read("blank-line"), [
    { text: "one\ntwo", id: "prose.txt:3" },
    { text: "three", id: "prose.txt:7" },
  ]);
  deepStrictEqual(await read("line"), [
    { text: "one", id: "prose.txt:3" },
    { text: "two", id: "prose.txt:4" },
    { text: "three", id: "prose.txt:7" },
  ]);
  deepStrictEqual(await read("file"), [
    { text: "\n\none\ntwo\n \n\nthree\n", id: "prose.txt:1" },
  ]);
});

Deno.test("text reader reads gzip and a last line without LF", async () => {
  const path = fileOf("prose.txt.gz", gzipSync("a\n\nb"));
  deepStrictEqual((await documentsOf(text, path)).map((d) => d.text), ["a", "b"]);
});

Deno.test("text reader drops the whole document of a bad line", async () => {
  const path = fileOf("bad.txt", Uint8Array.of(...utf8("a\nb\n"), 0x80, ...utf8("\nc\n\nd\n")));
  match(
    await messageOf(text, path),
    /"bad\.txt", line 3: expected UTF-8, found byte 0x80 at offset 0/,
  );
  const skips: string[] = [];
  const onSkip = (reason: string) => skips.push(reason);
  const documents = await documentsOf(text, path, { badRows: "skip", onSkip });
  deepStrictEqual(documents, [{ text: "d", id: "bad.txt:6" }]);
  strictEqual(skips.length, 1);
});

Deno.test("text reader refuses a document above maxRowBytes, and finds none in a blank file", async () => {
  const path = fileOf("long.txt", "aaaa\nbbbb\n\ncc\n");
  const message = await messageOf(text, path, { maxRowBytes: 8 }); // 4 + LF + 4 bytes
  match(message, /"long\.txt", line 1: expected a document of at most 8 B, found a longer one/);
  deepStrictEqual(
    (await documentsOf(text, path, { maxRowBytes: 8, badRows: "skip" })).map((d) => d.text),
    ["cc"],
  );
  const blank = fileOf("blank.txt", "\n \n");
  deepStrictEqual(await documentsOf(text, blank), []);
  deepStrictEqual(await documentsOf(text, blank, { textDocuments: "file" }), []);
});

Deno.test("readerModule() names the reader of a file, or the endings it knows", async () => {
  const formats = {
    "a.jsonl": "jsonl",
    "a.b.jsonl.gz": "jsonl",
    "a.ndjson.zst": "jsonl",
    "c4-train.json.gz": "json",
    "a.txt.gz": "text",
    "a.csv": "csv",
    "a.tsv.zst": "tsv",
    "train-00000-of-00001.parquet": "parquet",
    "a.arrow": "arrow",
  };
  for (const [name, format] of Object.entries(formats)) {
    strictEqual((await import(readerModule(`/x.txt/${name}`))).reader.format, format);
  }
  throws(
    () => readerModule("/data/train.xml"),
    (error) =>
      error instanceof UsageError &&
      /^Cannot read "\/data\/train\.xml": .*\.jsonl, .*\.parquet, .*, found "\.xml"$/.test(
        error.message,
      ),
  );
  throws(() => readerModule("a.parquet.gz"), /found "\.parquet\.gz"/); // parquet compresses by itself
  throws(() => readerModule("train"), /found no ending/);
});

Deno.test("json reader reads JSON lines as the jsonl reader does, ids and messages included", async () => {
  const content = '{"text": "a", "n": [1]}\n\n{"text": 5}\n{"text": "b"}\nnope\n';
  const reasons: string[][] = [];
  const documents: Document[][] = [];
  for (const format of ["jsonl", "json"]) {
    const { reader } = await import(readerModule(`a.${format}`));
    const skips: string[] = [];
    const onSkip = (reason: string) => skips.push(reason.replace(`.${format}`, ""));
    const read = await documentsOf(reader, fileOf(`a.${format}`, content), {
      badRows: "skip",
      onSkip,
    });
    documents.push(read.map(({ text, id }) => ({ text, id: id.replace(`.${format}`, "") })));
    reasons.push(skips);
  }
  deepStrictEqual(documents[1], documents[0]);
  deepStrictEqual(documents[0].map(({ id }) => id), ["a:1", "a:4"]);
  deepStrictEqual(reasons[1], reasons[0]);
  strictEqual(reasons[0].length, 2);
});

Deno.test("jsonl reader holds a chunk and a row, not the file", async () => {
  // Rows that are kept would break the heap's limit; chunks that are kept would show in the process's size.
  const row = JSON.stringify({ text: "a line of text. ".repeat(64) }) + "\n";
  const path = fileOf("large.jsonl", "");
  const rows = 100_000; // 104 MB
  {
    using file = Deno.openSync(path, { append: true });
    const part = utf8(row.repeat(1_000));
    for (let i = 0; i < rows / 1_000; i++) file.writeSync(part);
  }
  const script = `
    import { reader } from "${import.meta.resolve("../../datasets/readers/jsonl.ts")}";
    const options = { textField: "text", badRows: "error", maxRowBytes: 1e6 };
    let documents = 0, rss = 0;
    const before = Deno.memoryUsage().rss;
    for await (const _ of reader.read(${JSON.stringify(path)}, options)) {
      if (++documents % 1000 === 0) rss = Math.max(rss, Deno.memoryUsage().rss);
    }
    console.log(JSON.stringify({ documents, growth: rss - before }));`;
  const config = join(projectRoot, "deno.json");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-lock",
      "--ext=ts",
      "--v8-flags=--max-old-space-size=24",
      "--config",
      config,
      fileOf("large.ts", script),
    ],
  }).output();
  ok(success, new TextDecoder().decode(stderr));
  const { documents, growth } = JSON.parse(new TextDecoder().decode(stdout));
  strictEqual(documents, rows);
  // 40 to 66 MB were seen, of the heap and its collector; chunks that are kept would be 104 MB more.
  ok(growth < 85e6, `grew by ${growth} bytes`);
});

const sw = needsData("multilingual", "sw", "train.jsonl.gz");
Deno.test({
  name: "jsonl reader reads real text as a plain parse does",
  ignore: sw.ignore,
  async fn() {
    const lines = gunzipSync(Deno.readFileSync(sw.path)).toString("utf8").split("\n");
    const expected = lines.filter((line) => line !== "").map((line) => JSON.parse(line).text);
    deepStrictEqual((await documentsOf(jsonl, sw.path)).map((d) => d.text), expected);
  },
});

const dolma = needsData("formats", "jsonl");
Deno.test({
  name: "jsonl reader reads crawl documents with further fields",
  ignore: dolma.ignore,
  async fn() {
    const fields = {
      "cc_en_head-0091.jsonl.gz": "text",
      "documents-000.json.gz": "text",
      "test.jsonl.gz": "message",
    };
    for (const [name, textField] of Object.entries(fields)) {
      const documents = await documentsOf(jsonl, join(dolma.path, name), { textField });
      ok(documents.length > 0 && documents.every(({ text }) => text.length > 0), name);
      strictEqual(documents[0].id, `${name}:1`);
    }
  },
});

Deno.test("arrow reader takes the version from the messages where the footer leaves it out", async () => {
  const bytes = tableToIPC(tableFromArrays({ text: ["a", "b"] }), "file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 10; // length of the footer and magic string
  const footer = end - view.getInt32(end, true);
  const table = footer + view.getUint32(footer, true);
  view.setUint16(table - view.getInt32(table, true) + 4, 0, true); // the place of field 0
  const path = fileOf("no-version.arrow", bytes);
  const read = await documentsOf(arrow, path);
  strictEqual(read.map(({ text }) => text).join(), "a,b");
});
