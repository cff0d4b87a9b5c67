/**
 * Models of others read from their files: what is taken, what is refused, and with which sentence.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StageError } from "../../base/mod.ts";
import {
  externalNames,
  partNames,
  readExternalModel,
  type Tensors,
  withContext,
} from "../../training/mod.ts";
import { SafetensorsFile } from "../../training/safetensors_file.ts";
import { fuzzImports } from "../instruments/imports_fuzz.ts";
import { temporaryFolder } from "../support/command_line.ts";
import {
  externalNetworks,
  type NumberType,
  safetensorsOf,
  writeExternalModel,
  writeJson,
} from "../support/external_model.ts";

const [small] = Object.values(externalNetworks);

function read(folder: string) {
  const weights = [...Deno.readDirSync(folder)].map(({ name }) => name).sort()
    .filter((name) => name.endsWith(".safetensors"))
    .map((name) => ({ name, path: join(folder, name) }));
  return readExternalModel({ config: join(folder, "config.json"), weights });
}

for (const [name, network] of Object.entries(externalNetworks)) {
  Deno.test(`readExternalModel() gives the bits of ${name}, whole or in parts`, () => {
    for (const parts of [1, 3]) {
      using folder = temporaryFolder();
      const tensors = writeExternalModel(folder.path, network, { parts });
      const { config, tensors: found, endId } = read(folder.path);
      assert.deepEqual(bitsOf(found), bitsOf(tensors));
      assert.equal(endId, 256);
      for (const [field, value] of Object.entries(network.config)) {
        assert.deepEqual(config[field as keyof typeof config], value, field);
      }
    }
  });
}

function bitsOf(tensors: Tensors) {
  return Object.entries(tensors).map(([name, { shape, data }]) => [
    name,
    shape,
    [...new Uint32Array(data.slice().buffer)],
  ]);
}

Deno.test("SafetensorsFile widens half precision exactly", () => {
  const cases: [NumberType, number[]][] = [
    // The largest, the smallest normal and the smallest of all.
    ["F16", [65504, 2 ** -14, 2 ** -24, -0, 1 / 3]],
    ["BF16", [2 ** 127, 2 ** -126, 2 ** -133, -0, 1 / 3]],
  ];
  for (const [numbers, values] of cases) {
    using folder = temporaryFolder();
    const path = join(folder.path, "w.safetensors");
    const data = Float32Array.from(values);
    Deno.writeFileSync(path, safetensorsOf({ w: { shape: [5], data } }, numbers));
    using file = new SafetensorsFile(path);
    const found = file.read("w").data;
    assert.deepEqual(found.slice(0, 3), data.slice(0, 3), numbers);
    assert.ok(Object.is(found[3], -0));
    // 11 and 8 bits: F16 rounds to nearest, BF16 is cut off here as it is written.
    assert.equal(found[4], numbers === "F16" ? 0.333251953125 : 0.33203125);
  }
});

Deno.test("readExternalModel() passes over the masks of old files, unread, and takes names without the prefix", () => {
  const masks = {
    "GPT-NeoX of width 24": [
      "gpt_neox.",
      "layers.1.attention.bias",
      "layers.0.attention.rotary_emb.inv_freq",
    ],
    "GPT-2 of width 24": ["transformer.", "h.1.attn.bias", "h.0.attn.masked_bias"],
  };
  for (const [name, [prefix, ...ignored]] of Object.entries(masks)) {
    const network = { ...externalNetworks[name] };
    // The base class has no head: only one that is tied can be left out.
    network.config = { ...network.config, tiedEmbeddings: true };
    using folder = temporaryFolder();
    const expected = writeExternalModel(folder.path, network);
    const path = join(folder.path, "model.safetensors");
    using file = new SafetensorsFile(path);
    const tensors = [...file.entries.keys()].map((tensor) => [
      tensor.slice(prefix.length),
      file.read(tensor),
    ]);
    const mask = { shape: [2], data: Float32Array.of(NaN, 1) }; // would be refused if it were read
    const all = {
      ...Object.fromEntries(tensors),
      ...Object.fromEntries(ignored.map((it) => [it, mask])),
    };
    Deno.writeFileSync(path, safetensorsOf(all));
    assert.deepEqual(bitsOf(read(folder.path).tensors), bitsOf(expected), name);
  }
});

/** Changes a model that was written; the sentence that it is then refused with. */
const refused: Readonly<Record<string, [(folder: string) => void, RegExp]>> = {
  "a class that we have not": [
    (folder) => changeConfig(folder, { model_type: "llama" }),
    /expected model_type of config\.json to be one of mpt, gpt2, gpt_neox, dept, found "llama"/,
  ],
  "what our network cannot compute": [
    (folder) => changeConfig(folder, { scale_attn_by_inverse_layer_idx: true }),
    /expected scale_attn_by_inverse_layer_idx to be false, found true/,
  ],
  "more layers than tensors": [
    (folder) => changeConfig(folder, { n_layer: 1e15 }),
    /expected tensors of the 1000000000000000 layers of config\.json, found 28 tensors/,
  ],
  "another width": [
    (folder) => changeConfig(folder, { n_embd: 48 }),
    /tensor "transformer\.wte\.weight": expected \[264, 48\], found \[264, 24\]/,
  ],
  "a tensor of another network": [
    (folder) => addTensor(folder, "transformer.h.0.attn.q_norm.weight"),
    /"transformer\.h\.0\.attn\.q_norm\.weight": expected a tensor of GPT2LMHeadModel, found one that/,
  ],
  "the same tensor twice": [
    (folder) =>
      Deno.copyFileSync(
        join(folder, "model.safetensors"),
        join(folder, "model-2.safetensors"),
      ),
    /expected each tensor once, found "transformer\..*" in another file too/,
  ],
  "a config that is no object": [
    (folder) => writeJson(folder, "config.json", []),
    /config\.json: expected an object/,
  ],
  "a number that is none": [
    (folder) => {
      const path = join(folder, "model.safetensors");
      const bytes = Deno.readFileSync(path);
      bytes.fill(255, bytes.length - 4);
      Deno.writeFileSync(path, bytes);
    },
    /tensor "transformer\..*" of "model\.safetensors": expected finite numbers, found NaN at/,
  ],
};

for (const [name, [change, message]] of Object.entries(refused)) {
  Deno.test(`readExternalModel() refuses ${name}`, () => {
    using folder = temporaryFolder();
    writeExternalModel(folder.path, small);
    change(folder.path);
    assert.throws(() => read(folder.path), (error) => {
      assert.ok(error instanceof StageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("SafetensorsFile compares a header with the file before it takes memory for it", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "w.safetensors");
  const claims: [bigint, RegExp][] = [
    [2n ** 60n, /expected a header of 1152921504606847000 bytes, found a file of 16 bytes/],
    [8n, /expected a JSON header, found a damaged one/],
  ];
  for (const [length, message] of claims) {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    Deno.writeFileSync(path, bytes);
    assert.throws(() => new SafetensorsFile(path), message);
  }
  Deno.truncateSync(path, 3);
  assert.throws(() => new SafetensorsFile(path), /expected 8 bytes of length, found 3 bytes/);
  assert.throws(
    () => new SafetensorsFile(folder.path),
    /expected a safetensors file, found a folder/,
  );
});

Deno.test("externalNames() finds a model's files and reads no other form of weights", () => {
  const names = ["README.md", "config.json", "pytorch_model.bin", "tokenizer.json"];
  assert.throws(
    () => externalNames(names, "hf://a/b"),
    /"hf:\/\/a\/b": expected model\.safetensors \(only safetensors are read\), found pytorch_model\.bin/,
  );
  assert.throws(() => externalNames([], "m"), /expected config\.json, found nothing/);
  const all = [...names, "model.safetensors", "model.safetensors.index.json"];
  assert.deepEqual(externalNames(all, "m"), {
    tokenizer: "tokenizer.json",
    beside: [],
    weights: "model.safetensors",
  });
});

Deno.test("partNames() takes names of files beside the index only", () => {
  const index = (name: unknown) => JSON.stringify({ weight_map: { w: name, v: "a.safetensors" } });
  assert.deepEqual(partNames(index("b.safetensors"), "i"), ["a.safetensors", "b.safetensors"]);
  const bad = ["../b.safetensors", "/b.safetensors", "x/b.safetensors", "b.bin", "", 3, null];
  for (const name of [...bad, "..\\b.safetensors", ".b.safetensors", "b\n.safetensors"]) {
    assert.throws(
      () => partNames(index(name), "i"),
      /^StageError: Cannot read "i": expected the name of a safetensors file beside it for tensor "w", found /,
      String(name),
    );
  }
  assert.throws(
    () => partNames("{}", "i"),
    /expected a weight_map of tensors and files, found none/,
  );
  assert.throws(() => partNames("[", "i"), /expected JSON, found other text/);
});

Deno.test("withContext() cuts learned positions, and refuses more of them than there are", () => {
  using folder = temporaryFolder();
  const tensors = writeExternalModel(folder.path, small);
  const model = read(folder.path).config;
  const checkpoint = { groups: { model: tensors }, state: { model } };
  const cut = withContext(checkpoint, 10);
  assert.equal(cut.model.seqLen, 10);
  assert.deepEqual(
    cut.tensors["embedding.position.weight"].data,
    tensors["embedding.position.weight"].data.slice(0, 10 * 24),
  );
  assert.throws(() => withContext(checkpoint, 49), /model\.seqLen=49: expected at most 48/);
});

Deno.test("imports of 2,000 damaged models end in a sentence, or read numbers as they are", () => {
  const { read, refused, failures } = fuzzImports(2000, 0, 17);
  assert.deepEqual(failures, []);
  assert.equal(read + refused, 2000);
  assert.ok(refused > 1000, `${refused} refused`);
});

function changeConfig(folder: string, change: Record<string, string | number | boolean>): void {
  const path = join(folder, "config.json");
  writeJson(folder, "config.json", { ...JSON.parse(Deno.readTextFileSync(path)), ...change });
}

function addTensor(folder: string, name: string): void {
  const data = new Float32Array(1);
  Deno.writeFileSync(
    join(folder, "more.safetensors"),
    safetensorsOf({ [name]: { shape: [1], data } }),
  );
}
