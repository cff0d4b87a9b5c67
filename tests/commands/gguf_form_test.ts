/**
 * The form `gguf`: keys, tensors, and what is measured of llama.cpp's differences. llama.cpp itself opens such files in
 * `tests/user/llama_cpp_test.ts`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import { checkFile, gguf } from "../../commands/exports/gguf.ts";
import { measureEffects, withoutLost } from "../../commands/exports/gguf_effects.ts";
import { modelCard } from "../../commands/exports/model_card.ts";
import { GgufFile, ggufTensors } from "../../model/gguf/mod.ts";
import { networkKinds, randomModel } from "../support/exported_model.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { train } from "../tokenizers/support.ts";

const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });

Deno.test("gguf writes every kind of network in 32 and 16 bits with its tokenizer, and says what it checked", async () => {
  for (const kind of networkKinds) {
    using folder = temporaryFolder();
    const model = await randomModel(kind, tokenizer);
    const form = await gguf.write(model, folder.path);
    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["model-F16.gguf", "model-F32.gguf"]);
    using file = GgufFile.open(join(folder.path, "model-F16.gguf"));
    const key = (name: string) => file.keys.get(name)?.value;
    assert.equal(key("general.name"), "continue/glob/random");
    assert.equal(key("general.file_type"), 1);
    assert.equal(key("mpt.attention.max_alibi_bias"), kind.positions === "alibi" ? 8 : 0);
    assert.equal(key("mpt.feed_forward_length"), kind.expansion * kind.dModel);
    assert.equal((key("tokenizer.ggml.tokens") as string[]).length, 320);
    assert.deepEqual(
      ["eos_token_id", "padding_token_id", "unknown_token_id", "add_eos_token"].map((name) =>
        key(`tokenizer.ggml.${name}`)
      ),
      [2, 3, 0, false],
    );
    assert.ok(form.limits.some((limit) => limit.includes("Not measured")));
  }
});

Deno.test("gguf measures on test text what llama.cpp's GELU and its missing bytes change, and the card says it", async () => {
  using folder = temporaryFolder();
  const plain = await randomModel(networkKinds[0], tokenizer);
  const ids = [2, ...tokenizer.encode("a b c \u{1f600} d")]; // a character of four bytes
  const model = { ...plain, testText: () => Promise.resolve([Int32Array.from(ids)]) };
  const form = await gguf.write(model, folder.path);
  const card = await modelCard(model, form);
  assert.match(
    card,
    /\(12 bytes\) the model has \d+\.\d{6} bits per byte, and \d+\.\d{6} with that/,
  );
  assert.match(
    card,
    /In that text 4 tokens are such\. Read as `<unk>` .* text: \d+\.\d{6} bits per byte of/,
  );
  assert.match(card, /^ {2}- gguf$/m);
});

Deno.test("measureEffects() adds the losses of windows by hand, and leaves no file", async () => {
  using folder = temporaryFolder();
  const { config, tensors, ...rest } = await randomModel(networkKinds[0], tokenizer);
  // A table of zeros makes every piece as likely as any other: ln 320 nats a token, whatever GELU does.
  const name = "embedding.token.weight";
  const zero = { ...tensors[name], data: new Float32Array(tensors[name].data.length) };
  const model = { config, tensors: { ...tensors, [name]: zero }, ...rest };
  const ids = tokenizer.encode("hello hello");
  const windows = [Int32Array.of(2, ...ids), Int32Array.of(2, ...ids)];
  const found = (await measureEffects(model, windows, [], folder.path))!;
  assert.equal(found.tokens, 2 * ids.length);
  assert.equal(found.bytes, 22);
  const expected = 2 * ids.length * Math.log2(320) / 22;
  for (const bits of [found.exact, found.table, found.withLost]) {
    assert.ok(Math.abs(bits - expected) < 1e-6, `${bits}, not ${expected}`);
  }
  assert.equal(found.lost, 0);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
  assert.equal(await measureEffects(model, [], [], folder.path), undefined);
});

Deno.test("withoutLost() makes each run of lost ids one <unk>", () => {
  const lost = new Set([200, 201]);
  const read = (...ids: number[]) => [...withoutLost(Int32Array.from(ids), lost)];
  assert.deepEqual(read(200, 201, 5, 200, 6, 7), [0, 5, 0, 6, 7]);
  assert.deepEqual(read(5, 6), [5, 6]);
});

Deno.test("checkFile() refuses a file in which a single bit of a tensor, or a key, is another", async () => {
  using folder = temporaryFolder();
  const model = await randomModel(networkKinds[4], tokenizer);
  await gguf.write(model, folder.path);
  const path = join(folder.path, "model-F32.gguf");
  const keys = () => {
    using file = GgufFile.open(path);
    return Object.fromEntries(file.keys);
  };
  const tensors = ggufTensors(model.config, model.tensors, "F32");
  const refuses = (message: RegExp, expected = keys()) =>
    assert.throws(() => checkFile(path, expected, tensors, folder.path), (error: Error) => {
      assert.match(error.message, message);
      return error instanceof StageError;
    });
  const right = keys();
  checkFile(path, right, tensors, folder.path);
  refuses(/read back mpt.block_count .*3.*, found .*2/, {
    ...right,
    "mpt.block_count": { type: "uint32", value: 3 },
  });
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length - 32] ^= 1; // the final norm's bias, 24 numbers, ends with the file
  Deno.writeFileSync(path, bytes);
  refuses(/expected to read back -?\d\.\d+ in tensor "output_norm.bias", found/);
});

Deno.test("gguf refuses a network that llama.cpp cannot compute", async () => {
  using folder = temporaryFolder();
  const kind = { ...networkKinds[0], parallelResidual: true };
  await assert.rejects(
    gguf.write(await randomModel(kind, tokenizer), folder.path),
    /Cannot export continue\/glob\/random as gguf: .*parallelResidual with rotary positions only/,
  );
});
