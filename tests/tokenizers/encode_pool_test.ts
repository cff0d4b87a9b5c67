import assert from "node:assert/strict";
import { type Table, tableFromIPC } from "apache-arrow";
import { type EncodedLines, saveTokenizer } from "../../tokenizers/mod.ts";
import {
  arrowStream,
  EncodePool,
  type EncodeRequest,
  formatLines,
  joinTexts,
} from "../../tokenizers/parallel/mod.ts";
import { fuzzLines, inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "./support.ts";

const utf8 = new TextEncoder();

Deno.test("EncodePool answers in order, the same with any number of threads", async () => {
  using folder = await trainedFolder();
  const batches = Array.from({ length: 9 }, (_, i) => fuzzLines(5 + 20 * (i % 3), `batch ${i}`));
  const requests = (): EncodeRequest[] =>
    batches.map((lines, i) => ({
      input: i % 2 === 0
        ? joinTexts(lines)
        : utf8.encode(lines.map((line) => line + "\n").join("")),
      invalid: "error",
      format: i % 4 === 3 ? "ids" : undefined,
    }));
  const answers = async (threads: number) => {
    using pool = await EncodePool.open(folder.path, { threads });
    return await Array.fromAsync(pool.encode(requests()));
  };
  const alone = await answers(1);
  assert.deepEqual(await answers(3), alone);
  const expected = batches[0].flatMap((line) => [...folder.tokenizer.encode(line)]);
  assert.deepEqual([...alone[0].lines!.ids], expected);
  const text = new TextDecoder().decode(alone[3].text!);
  const lines = batches[3].map((line) => folder.tokenizer.encode(line).join(" ") + "\n");
  assert.equal(text, lines.join(""));
});

Deno.test("EncodePool passes a worker's error on", async () => {
  using folder = await trainedFolder();
  using pool = await EncodePool.open(folder.path, { threads: 2 });
  const good = (): EncodeRequest => ({ input: joinTexts(["ba"]), invalid: "error" });
  const bad: EncodeRequest = { input: Uint8Array.of(0x61, 0xff), invalid: "error" };
  const answers = pool.encode([good(), bad, good()]);
  assert.ok((await answers.next()).value!.lines!.ids.length > 0);
  await assert.rejects(answers.next(), { name: "SyntaxError", message: /at offset 1/ });
  await assert.rejects(
    EncodePool.open(folder.path + "/none", { threads: 2 }),
    /found nothing there/,
  );
});

Deno.test("formatLines() writes ids, pieces and JSON, a text a line", () => {
  const lines: EncodedLines = {
    ids: Int32Array.of(0, 9, 10, 1_234_567_890, 7),
    ends: Int32Array.of(3, 3, 5),
  };
  const text = (format: "ids" | "pieces" | "json") =>
    new TextDecoder().decode(formatLines(lines, format, (id) => `<${id}>`));
  assert.equal(text("ids"), "0 9 10\n\n1234567890 7\n");
  assert.equal(text("pieces"), "<0> <9> <10>\n\n<1234567890> <7>\n");
  assert.equal(
    text("json"),
    '{"ids":[0,9,10],"pieces":["<0>","<9>","<10>"]}\n{"ids":[],"pieces":[]}\n' +
      '{"ids":[1234567890,7],"pieces":["<1234567890>","<7>"]}\n',
  );
});

Deno.test("formatLines() keeps a text on its line, whatever its pieces hold", () => {
  const lines: EncodedLines = { ids: Int32Array.of(0, 1, 1), ends: Int32Array.of(2, 3) };
  const pieces = ["\n", "a\tb\u0085\x1b[2J"];
  const written = formatLines(lines, "pieces", (id) => pieces[id]);
  assert.equal(
    new TextDecoder().decode(written),
    "\\u000a a\\u0009b\u0085\\u001b[2J\na\\u0009b\u0085\\u001b[2J\n",
  );
});

Deno.test("arrowStream() holds a list of ids for each text", async () => {
  const lines: EncodedLines[] = [
    { ids: Int32Array.of(5, 6, 7), ends: Int32Array.of(1, 1, 3) },
    { ids: new Int32Array(0), ends: new Int32Array(0) },
    { ids: Int32Array.of(8), ends: Int32Array.of(1) },
  ];
  const rows = (table: Table) => Array.from(table.getChild("ids")!, (row) => [...row]);
  async function* some() {
    yield* await Promise.resolve(lines);
  }
  const chunks = await Array.fromAsync(arrowStream(some()));
  const bytes = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const table = tableFromIPC(bytes);
  assert.deepEqual(rows(table), [[5], [], [6, 7], [8]]);
  assert.equal(table.batches.length, 2);
  async function* none(): AsyncGenerator<EncodedLines> {}
  const empty = await Array.fromAsync(arrowStream(none()));
  assert.equal(
    tableFromIPC(new Uint8Array(await new Blob(empty as Uint8Array<ArrayBuffer>[]).arrayBuffer()))
      .numRows,
    0,
  );
});

async function trainedFolder() {
  const path = Deno.makeTempDirSync();
  const tokenizer = await train(inventedDocuments(60), { vocabSize: 450 });
  saveTokenizer(path, tokenizer);
  return { path, tokenizer, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
