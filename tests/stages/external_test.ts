/**
 * Imports from every kind of place, and places that are refused before anything is read.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { silentLog } from "../../pipeline/stage.ts";
import { external, run } from "../../stages/external.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { keepTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import { readCheckpoint, type Tensors } from "../../training/mod.ts";
import { hf } from "../../commands/exports/hf.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { networkKinds, randomModel } from "../support/exported_model.ts";
import { train } from "../tokenizers/support.ts";
import { externalNetworks, writeExternalModel, writeJson } from "../support/external_model.ts";
import { HubServer } from "../support/hub_server.ts";

type Context = Parameters<typeof run>[0];

const network = externalNetworks["GPT-NeoX of width 24"];

const recipeOf = (from: string) =>
  ({
    external: { neox: { from, starts: [] } },
    documents: { hub: null, maxDownloadBytes: null },
  }) as unknown as Recipe;

/** Imports and returns what a stage after it reads. */
async function imported(
  from: string | null,
  { files = {}, hub = null }: { files?: Readonly<Record<string, string>>; hub?: string | null },
) {
  using folder = temporaryFolder();
  const [checkpointFolder, model, tokenizer] = ["work", "model", "tokenizer"].map((name) => {
    Deno.mkdirSync(join(folder.path, name));
    return join(folder.path, name);
  });
  const summary = await run({
    params: { from },
    hints: { hub, maxDownloadBytes: null },
    files,
    outputs: { model, tokenizer },
    modules: { tokenizers: { keepTokenizer } },
    checkpointFolder,
    log: silentLog,
    signal: new AbortController().signal,
  } as unknown as Context);
  using opened = await openAdopted(tokenizer);
  return { summary, tensors: readCheckpoint(model).groups.model, ids: [...opened.encode("ab")] };
}

/** Bits of the tensors, by name. */
const bitsOf = (tensors: Tensors) =>
  Object.keys(tensors).sort().map((name) => [
    name,
    [...new Uint32Array(tensors[name].data.slice().buffer)],
  ]);

for (const parts of [1, 3]) {
  Deno.test(`external imports a folder with weights in ${parts} file(s), bit for bit`, async () => {
    using folder = temporaryFolder();
    const expected = writeExternalModel(folder.path, network, { parts });
    const { files, params } = external.declare(recipeOf(folder.path), ["neox"]);
    assert.deepEqual(params, { from: null });
    const { summary, tensors, ids } = await imported(null, { files });
    assert.deepEqual(bitsOf(tensors), bitsOf(expected));
    assert.deepEqual(ids, [97, 98]);
    assert.deepEqual(summary, {
      architecture: "GPTNeoXForCausalLM",
      // Tables 2·264·24; blocks 2·(12·24² + 13·24); norm 48
      parameters: 27_168,
      pieces: 257,
    });
  });
}

Deno.test("external imports from a hub and from a URL, and sends no token to a hub that a recipe names", async () => {
  using folder = temporaryFolder();
  const expected = writeExternalModel(folder.path, network, { parts: 2 });
  await using server = new HubServer();
  const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
  for (const name of names) {
    const bytes = Deno.readFileSync(join(folder.path, name));
    server.files.set(`/owner/neox/resolve/main/${name}`, { bytes });
    server.files.set(`/plain/${name}`, { bytes });
  }
  server.pages.set("/api/models/owner/neox/tree/main?recursive=true", {
    body: JSON.stringify([
      ...names.map((path) => ({ type: "file", path })),
      // A listing that leads elsewhere is not followed.
      { type: "file", path: "../../etc/model.safetensors" },
      { type: "directory", path: "onnx" },
    ]),
  });
  const before = Deno.env.toObject();
  try {
    Deno.env.set("DEPT_CACHE", join(folder.path, "cache"));
    Deno.env.set("HF_TOKEN", "hf_secret");
    Deno.env.delete("DEPT_HUB_URL");
    for (const from of ["hf://owner/neox", `${server.url}/plain/`]) {
      const { params, files } = external.declare(recipeOf(from), ["neox"]);
      assert.deepEqual([params, files], [{ from }, {}]);
      const { tensors } = await imported(from, { hub: server.url });
      assert.deepEqual(bitsOf(tensors), bitsOf(expected), from);
    }
  } finally {
    for (const name of ["DEPT_CACHE", "HF_TOKEN", "DEPT_HUB_URL"]) {
      if (before[name] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[name]);
    }
  }
  assert.ok(server.requests.length > 0);
  for (const { headers, path } of server.requests) {
    assert.equal(headers.authorization, undefined, path);
    assert.doesNotMatch(path, /etc/);
  }
});

Deno.test("external gives back what export --as hf has written, bit for bit, with the same ids", async () => {
  const tokenizer = await train(inventedDocuments(40), { vocabSize: 320 });
  const neox = {
    ...networkKinds[0],
    positions: "rotary",
    parallelResidual: true,
    tiedEmbeddings: false,
    rotaryFraction: 0.5,
  } as const;
  const classes: unknown[] = [];
  for (const kind of [...networkKinds, neox]) {
    using folder = temporaryFolder();
    const model = await randomModel(kind, tokenizer);
    await hf.write(model, folder.path);
    const { files } = external.declare(recipeOf(folder.path), ["neox"]);
    const { summary, tensors, ids } = await imported(null, { files });
    classes.push(summary.architecture);
    assert.deepEqual(bitsOf(tensors), bitsOf(model.tensors), `${summary.architecture}`);
    assert.deepEqual(ids, [...tokenizer.encode("ab")]);
  }
  assert.deepEqual(
    [...new Set(classes)],
    ["DeptForCausalLM", "MptForCausalLM", "GPT2LMHeadModel", "GPTNeoXForCausalLM"],
  );
});

/** Changes a folder with a model in parts; the sentence that planning then ends with. */
const refused: Readonly<Record<string, [(folder: string) => void, RegExp]>> = {
  "a link": [
    (folder) => {
      Deno.renameSync(join(folder, "config.json"), join(folder, "other.json"));
      Deno.symlinkSync(join(folder, "other.json"), join(folder, "config.json"));
    },
    /config\.json": expected a file, found a link; name the folder that it leads to.* \(external\.neox\.from\)/,
  ],
  "an index that leads out of the folder": [
    (folder) =>
      writeJson(folder, "model.safetensors.index.json", {
        weight_map: { w: "../secret.safetensors" },
      }),
    /expected the name of a safetensors file beside it for tensor "w", found "\.\.\/secret\.safetensors"/,
  ],
  "a part that is not there": [
    (folder) => Deno.removeSync(join(folder, "model-1-of-2.safetensors")),
    /model-1-of-2\.safetensors": expected a file, found nothing there/,
  ],
  "no tokenizer": [
    (folder) => Deno.removeSync(join(folder, "tokenizer.json")),
    /expected tokenizer\.json or spiece\.model or tokenizer\.model, found/,
  ],
};

for (const [name, [change, message]] of Object.entries(refused)) {
  Deno.test(`external refuses ${name}`, () => {
    using folder = temporaryFolder();
    writeExternalModel(folder.path, network, { parts: 2 });
    change(folder.path);
    assert.throws(() => external.declare(recipeOf(folder.path), ["neox"]), (error: Error) => {
      assert.equal(error.name, "UsageError");
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("external refuses names that are of no model before anything is fetched", () => {
  const cases: Record<string, RegExp> = {
    "hf://EleutherAI":
      /expected hf:\/\/OWNER\/NAME or .*found another form \(external\.neox\.from\)/,
    "hf://datasets/allenai/c4": /expected hf:\/\/OWNER\/NAME/,
    "https://huggingface.co/EleutherAI/pythia-14m":
      /expected the model's files, which hf:\/\/EleutherAI\/pythia-14m names, found a page/,
  };
  for (const [from, message] of Object.entries(cases)) {
    assert.throws(() => external.declare(recipeOf(from), ["neox"]), (error: Error) => {
      assert.equal(error.name, "UsageError");
      assert.match(error.message, message);
      return true;
    });
  }
  for (const from of ["hf://a/b@main", "hf://a/b@v1/part", "https://example.org/m/"]) {
    assert.deepEqual(external.declare(recipeOf(from), ["neox"]).params, { from });
  }
});

Deno.test("external refuses a place where nothing is", () => {
  assert.throws(
    () => external.declare(recipeOf("/nowhere/at/all"), ["neox"]),
    /"\/nowhere\/at\/all": expected a folder or a safetensors file, found nothing there/,
  );
});
