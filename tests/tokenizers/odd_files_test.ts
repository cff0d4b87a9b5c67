/**
 * Files of tokenizers that other programs would misread, or that lose text: what they mean, or a sentence that says why not.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import {
  adoptedVocabSize,
  loadTokenizer,
  openTokenizer,
  saveTokenizer,
} from "../../tokenizers/mod.ts";
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { adoptTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import { bpeFile, temporaryFolder, wordPieceFile } from "../instruments/foreign_files.ts";
import { charsmapOf } from "./charsmaps.ts";
import { tokenizerOf } from "./support.ts";

type Folder = ReturnType<typeof temporaryFolder>;

const utf16 = (text: string) =>
  new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer);

async function refusal(act: () => unknown): Promise<string> {
  const error = await Promise.try(act).then(() => undefined, (error) => error);
  assert.ok(error instanceof StageError, `expected a StageError, found ${error}`);
  return error.message;
}

/** The small BPE with another model. */
function bpeWith(model: object, more: object = {}) {
  const file = bpeFile();
  return { ...file, ...more, model: { ...file.model, ...model } };
}

function without(...lost: string[]) {
  const { vocab } = bpeFile().model;
  return bpeWith({
    vocab: Object.fromEntries(Object.entries(vocab).filter(([piece]) => !lost.includes(piece))),
    merges: [],
  });
}

const added = (id: number, content: string, special = false) => ({
  ...bpeFile().added_tokens[0],
  id,
  content,
  special,
});

Deno.test("a byte order mark before a tokenizer's JSON is dropped, ours or of others", async () => {
  using folder = temporaryFolder();
  const mark = "\ufeff";
  using neox = await openTokenizer(folder.write("neox.json", mark + JSON.stringify(bpeFile())));
  assert.equal(neox.decode(neox.encode("low é")), "low é");
  const ours = tokenizerOf({ low: 0.5, e: 0.25 });
  saveTokenizer(folder.path, ours);
  const path = join(folder.path, "tokenizer.json");
  Deno.writeTextFileSync(path, mark + Deno.readTextFileSync(path));
  assert.deepEqual(loadTokenizer(folder.path).encode("low"), ours.encode("low"));
  folder.write("tokenizer_config.json", `${mark}{"eos_token": "low"}`);
  assert.equal(adoptedVocabSize(path), ours.vocabSize);
});

Deno.test("a tokenizer's JSON in another encoding is refused by its name", async () => {
  using folder = temporaryFolder();
  const json = JSON.stringify(wordPieceFile());
  for (
    const [content, found] of [
      [utf16("\ufeff" + json), "found UTF-16; save it as UTF-8"],
      [utf16(json), "found UTF-16; save it as UTF-8"],
      [Uint8Array.from(json, (c) => c.charCodeAt(0)), "found bytes that are not UTF-8"], // Latin-1 é
    ] as const
  ) {
    const path = folder.write("odd.json", content);
    assert.ok((await refusal(() => openTokenizer(path))).endsWith(found));
  }
});

Deno.test({
  name: "a pipe or a device given as a tokenizer is refused at once",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = temporaryFolder();
    const pipe = join(folder.path, "tokenizer.json");
    new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
    const expected =
      /expected a folder or a file, found a pipe or device; write it to a file first/;
    for (const path of [pipe, folder.path, "/dev/zero"]) {
      assert.match(await refusal(() => openTokenizer(path)), expected);
    }
    const model = join(folder.path, "spiece.model");
    Deno.renameSync(pipe, model);
    assert.match(await refusal(() => openTokenizer(model)), expected);
    Deno.renameSync(model, join(folder.path, "tokenizer_config.json"));
    const path = folder.write("tokenizer.json", bpeFile());
    assert.match(
      await refusal(() => openTokenizer(path)),
      /tokenizer_config.json": expected JSON, found a pipe or device/,
    );
  },
});

Deno.test("a file larger than any tokenizer is refused before it is read", async () => {
  using folder = temporaryFolder();
  for (const name of ["huge.json", "huge.model"]) {
    const path = folder.write(name, "{");
    Deno.truncateSync(path, 2 ** 40);
    assert.match(await refusal(() => openTokenizer(path)), /found 1\.1 TB, more than 268\.4 MB/);
  }
});

Deno.test("an id that would need a table beyond memory is refused", async () => {
  using folder = temporaryFolder();
  const path = folder.write("far.json", bpeWith({ vocab: { a: 4_000_000_000 }, merges: [] }));
  assert.match(
    await refusal(() => openTokenizer(path)),
    /found id 4000000000 of "a", above 16777215/,
  );
});

Deno.test("pieces may be called as properties of the language", async () => {
  using folder = temporaryFolder();
  const names = ["__proto__", "constructor", "hasOwnProperty", "toString"];
  const file = JSON.stringify(bpeFile()).replace(
    '"<|endoftext|>":0',
    () => ['"<|endoftext|>":0', ...names.map((name, i) => `"${name}":${262 + i}`)].join(),
  );
  const whole = JSON.parse(file);
  whole.added_tokens.push(...names.map((name, i) => added(262 + i, name)));
  using tokenizer = await openTokenizer(folder.write("names.json", whole));
  for (const [i, name] of names.entries()) {
    assert.deepEqual([...tokenizer.encode(name)], [262 + i]);
    assert.equal(tokenizer.piece(262 + i), name);
    assert.equal(tokenizer.byteLength(262 + i), name.length);
  }
  const made = Deno.makeTempDirSync({ dir: folder.path });
  const rows = await adoptTokenizer(join(folder.path, "names.json"), made);
  assert.equal(rows, adoptedVocabSize(join(folder.path, "names.json")));
  using run = await openAdopted(made);
  for (const name of names) assert.equal(run.piece(run.encode(name)[0]), name);
});

Deno.test("text that a BPE would pass over is an error, other text is not", async () => {
  using folder = temporaryFolder();
  const cases: [name: string, file: object, good: string, bad: string, found: string][] = [
    ["a byte", without("w"), "sole", "slow", `found none for "w" in "slow"`],
    ["a byte of a character", without("©"), "è", "né", `found none for "©" in "né"`],
    ["no pieces", bpeWith({ vocab: {}, merges: [] }, { added_tokens: [] }), "", "a", `"a" in "a"`],
    [
      "whole words",
      bpeWith({ vocab: { low: 0 }, merges: [], ignore_merges: true }, { added_tokens: [] }),
      "low",
      "lo",
      `found none for "l" in "lo"`,
    ],
    [
      "characters with marks of their place",
      bpeWith(
        {
          vocab: { l: 0, "@o": 1, "@w.": 2 },
          merges: [],
          continuing_subword_prefix: "@",
          end_of_word_suffix: ".",
        },
        { added_tokens: [], pre_tokenizer: null, decoder: null },
      ),
      "low",
      "lo",
      `found none for "o" in "lo"`,
    ],
    [
      "bytes in place of characters",
      bpeWith(
        { vocab: { a: 0, "<0xC3>": 1, "<0xA9>": 2 }, merges: [], byte_fallback: true },
        { added_tokens: [added(3, "né")], pre_tokenizer: null, decoder: null },
      ),
      "aéné",
      "aè",
      `found none for "è" in "aè"`,
    ],
  ];
  for (const [name, file, good, bad, found] of cases) {
    using tokenizer = await openTokenizer(folder.write("loses.json", file));
    tokenizer.encode(good);
    const message = await refusal(() => tokenizer.encodeTexts(joinTexts([good, bad])));
    assert.ok(message.includes(found), `${name}: ${message}`);
    assert.match(await refusal(() => tokenizer.encodeWithOffsets(bad)), /would be lost/);
    tokenizer.encode(good); // it goes on
  }
  const made = Deno.makeTempDirSync({ dir: folder.path });
  await adoptTokenizer(folder.write("loses.json", without("w")), made);
  using run = await openAdopted(made);
  assert.match(await refusal(() => run.encode("slow")), /would be lost/);
});

Deno.test("parts at which the library would end the process are refused, whole ones are taken", async () => {
  using folder = temporaryFolder();
  const rules = charsmapOf({ "ﬁ": "fi", "é": "e" });
  const of = (bytes: Uint8Array) => ({
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "Precompiled", precompiled_charsmap: bytes.toBase64() }],
    },
  });
  const replace = (pattern: object) => ({ normalizer: { type: "Replace", pattern, content: "x" } });
  const text = { Sequence: { id: "A", type_id: 0 } };
  const template = (single: object[]) => ({
    post_processor: { type: "TemplateProcessing", single, pair: [text], special_tokens: {} },
  });
  const claims = rules.slice();
  claims.fill(0xff, 0, 3);
  const astray = rules.slice();
  new DataView(astray.buffer).setUint32(4, 0x7fffff << 10, true);
  let deep: unknown = { type: "NFC" };
  for (let i = 0; i < 300; i++) deep = { type: "Sequence", normalizers: [deep] };
  const cases: [part: object, found: RegExp][] = [
    [of(new Uint8Array(0)), /expected rules in precompiled_charsmap, found none or damaged ones/],
    [of(claims), /found none or damaged ones/],
    [of(astray), /found none or damaged ones/],
    [of(rules.slice(0, -3)), /found none or damaged ones/],
    [replace({ String: "" }), /expected a pattern of some text to replace, found one that fits/],
    [replace({ Regex: "q*" }), /expected a pattern of some text to replace, found one that fits/],
    [{ pre_tokenizer: { type: "FixedLength", length: 0 } }, /expected a length of 1 or more/],
    [{ normalizer: { type: "Prepend", prepend: "" } }, /expected some text to prepend, found none/],
    [
      bpeWith({ continuing_subword_prefix: "##" }),
      /expected merges whose second part begins with "##", found "l"/,
    ],
    [template([]), /expected a template that has the text once, found it 0 times/],
    [template([text, text]), /expected a template that has the text once, found it 2 times/],
    [{ normalizer: deep }, /expected at most 128 levels, found more/],
    [{ decoder: deep }, /expected at most 128 levels, found more/],
  ];
  for (const [part, found] of cases) {
    const path = folder.write("part.json", { ...bpeFile(), ...part });
    assert.match(await refusal(() => openTokenizer(path)), found);
  }
  using tokenizer = await openTokenizer(
    folder.write("whole.json", { ...bpeFile(), ...of(rules), ...template([text]) }),
  );
  assert.equal(tokenizer.decode(tokenizer.encode("ﬁ é")), "fi e");
});

Deno.test("an added piece of a BPE on bytes is its text, whatever characters it has", async () => {
  using folder = temporaryFolder();
  const file = bpeFile();
  file.added_tokens.push(added(262, "café"), added(263, "<é>", true));
  using tokenizer = await openTokenizer(folder.write("added.json", file));
  const ids = tokenizer.encode("low café é<é>");
  assert.ok(ids.includes(262) && ids.includes(263));
  assert.equal(tokenizer.decode(ids), "low café é"); // special pieces give nothing
  assert.equal(tokenizer.byteLength(262), 5);
  assert.equal(tokenizer.byteLength(263), 0);
});

Deno.test("a file that asks for random merges gives the same ids each time", async () => {
  using folder = temporaryFolder();
  const text = "low lower low lower ".repeat(20);
  using plain = await openTokenizer(folder.write("plain.json", bpeFile()));
  using random = await openTokenizer(folder.write("random.json", bpeWith({ dropout: 0.9 })));
  assert.deepEqual(random.encode(text), plain.encode(text));
});
