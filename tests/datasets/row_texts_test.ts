/**
 * Texts of JSON lines as bytes are those that `JSON.parse` finds, and every row that it refuses is left to it.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { readerDefaults, writeDocuments } from "../../datasets/mod.ts";
import { reader } from "../../datasets/readers/jsonl.ts";
import { RowTexts } from "../../datasets/readers/row_texts.ts";
import { temporaryFolder } from "../support/command_line.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const texts = new RowTexts("text");

/** The text that is read from bytes, if any; its code points are checked. */
function read(row: string | Uint8Array, from = texts): string | undefined {
  const found = from.textOf(typeof row === "string" ? encoder.encode(row) : row);
  if (found === undefined) return undefined;
  const text = decoder.decode(found.utf8);
  strictEqual(found.characters, [...text].length);
  return text;
}

Deno.test("RowTexts reads a plain row, whatever stands beside the text", () => {
  const plain = [
    '{"text":"a"}',
    ' \t{ "text" : "a" }\r',
    '{"text":""}',
    '{"id":1,"text":"a b","meta":{"a":[1,-2.5e+3,true,null,{"b":"\\u12aB"}],"c":{}},"e":[]}',
    '{"other":"\\"text\\":\\"no\\"","text":"yes"}',
    '{"text":"first","text":"last"}',
    '{"text":"\\"\\\\\\/\\b\\f\\n\\r\\t"}',
    '{"text":"\\u0041\\u00e9\\u6f22\\ud83d\\ude00\\u0000"}',
    '{"text":"é漢😀\ufeff\u2028"}',
    `{"text":"${"é".repeat(100_000)}\\n"}`,
    '{"a":0,"b":-0,"c":1e400,"d":12345678901234567890,"text":"x"}',
  ];
  for (const row of plain) strictEqual(read(row), JSON.parse(row).text, row);
  strictEqual(read('{"meta.body":"x"}', new RowTexts("meta.body")), "x");
  strictEqual(read('{"":"x"}', new RowTexts("")), "x");
});

Deno.test("RowTexts leaves to JSON.parse what is bad, and what it has no need to know", () => {
  const others = [
    "",
    "{}",
    "[]",
    '"text"',
    '{"text":1}',
    '{"text":null}',
    '{"tex":"a"}',
    '{"texts":"a"}',
    '{"\\u0074ext":"a"}',
    '{"meta":{"text":"a"}}',
    '{"text":"a"',
    '{"text":"a"}}',
    '{"text":"a"} x',
    '{"text":"a",}',
    '{,"text":"a"}',
    '{"text" "a"}',
    '{text:"a"}',
    "{'text':'a'}",
    '{"text":"a',
    '{"text":"a\\"}',
    '{"text":"a\\x"}',
    '{"text":"a\\u12g4"}',
    '{"text":"a\\u12"}',
    '{"text":"\\ud83d"}',
    '{"text":"\\ude00\\ud83d"}',
    '{"text":"\\ud83dx"}',
    '{"text":"\\ud83d\\n"}',
    '{"text":"a\tb"}',
    '{"text":"a\0b"}',
    '{"text":"a","b":01}',
    '{"text":"a","b":1.}',
    '{"text":"a","b":.5}',
    '{"text":"a","b":+1}',
    '{"text":"a","b":1e}',
    '{"text":"a","b":--1}',
    '{"text":"a","b":tru}',
    '{"text":"a","b":nulll}',
    '{"text":"a","b":[1,]}',
    '{"text":"a","b":[1}',
    '{"text":"a","b":{"c"}}',
    '{"text":"a","b":{"c":1,}}',
    '{"text":"a","b":"\\q"}',
    `{"text":"a","b":${"[".repeat(100)}${"]".repeat(100)}}`,
    '\ufeff{"text":"a"}',
    `{"text":"${"x".repeat(2 ** 23)}"}`,
  ];
  for (const row of others) strictEqual(read(row), undefined, row);
  const [start, end] = ['{"text":"', '"}'].map((part) => [...encoder.encode(part)]);
  strictEqual(read(new Uint8Array([...start, 0xc3, ...end])), undefined);
});

Deno.test("RowTexts gives no text that JSON.parse would not give, for rows of any values with some bytes changed", () => {
  const strings = fc.string({ unit: "binary", maxLength: 40 });
  const rows = fc.record({
    before: fc.json(),
    text: strings,
    after: fc.json(),
    space: fc.integer({ min: 0, max: 1 }),
    changes: fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'"\\{}[],:u0e-\n '), fc.boolean()), {
      maxLength: 2,
    }),
  });
  let given = 0;
  fc.assert(
    fc.property(rows, ({ before, text, after, space, changes }) => {
      const blank = " ".repeat(space);
      let row = `{${blank}"a":${before},"text":${blank}${
        JSON.stringify(text)
      },"b":${after}${blank}}`;
      for (const [place, character, isEscaped] of changes) {
        const at = place % row.length;
        row = row.slice(0, at) + (isEscaped ? "\\" : "") + character + row.slice(at + 1);
      }
      const line = row.replaceAll("\n", "").toWellFormed(); // as any bytes of UTF-8 are
      const found = read(line);
      if (found === undefined) return;
      given++;
      strictEqual(found, JSON.parse(line).text);
    }),
    { seed: 17, numRuns: 600 },
  );
  ok(given > 150, `${given} of 600 were read`);
});

Deno.test("documents of bytes are those of records: the same texts, places, dropped rows and reasons", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  const long = "x".repeat(600_000); // longer than a chunk
  const rows = [
    '\ufeff{"text":"one"}',
    "",
    ' {"text":"t\\u0077o\\n", "a": [1, {"text": 2}]} \r',
    "\r",
    " \t",
    '{"text":1}',
    '{"text":"\\ud800"}',
    '{"body":"x"}',
    "not JSON",
    "[]",
    `{"text":"${long}é"}`,
    `{"other":"${long}","text":"after"}`,
    `{"text":"${long}${long}"}`,
    '{"t\\u0065xt":"escaped name"}',
    '{"text":"last","text":"é漢😀"}',
    '{"text":"no line feed"}',
  ];
  const bytes = [...rows.slice(0, 5).map((row) => encoder.encode(`${row}\n`))];
  bytes.push(new Uint8Array([...encoder.encode('{"text":"'), 0xff, ...encoder.encode('"}\n')]));
  bytes.push(encoder.encode(rows.slice(5).join("\n")));
  Deno.writeFileSync(path, new Uint8Array(await new Blob(bytes).arrayBuffer()));
  const read = async (asBytes: boolean, from = { rows: 0, offset: 0 }) => {
    const skipped: string[] = [];
    const options = {
      ...readerDefaults,
      badRows: "skip",
      maxRowBytes: 1_000_000,
      asBytes,
      from,
      onSkip: (reason: string) => skipped.push(reason),
    } as const;
    const documents = reader.read(path, options);
    const found = [];
    for await (const { text, id } of documents) {
      found.push({ text, id, position: documents.position });
    }
    return { found, skipped };
  };
  const records = await read(false);
  deepStrictEqual(await read(true), records);
  strictEqual(records.found.length, 7);
  strictEqual(records.skipped.length, 7);
  for (const { position } of records.found) {
    deepStrictEqual(await read(true, position), await read(false, position));
  }

  const write = async (name: string, asBytes: boolean) => {
    const out = join(folder.path, name);
    Deno.mkdirSync(out);
    const options = { ...readerDefaults, badRows: "skip", asBytes } as const;
    await writeDocuments(out, reader.read(path, options));
    return ["documents.arrow", "report.json"].map((file) => Deno.readFileSync(join(out, file)));
  };
  deepStrictEqual(await write("bytes", true), await write("records", false));
});
