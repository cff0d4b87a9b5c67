/**
 * Models of others that leave again, and come in again: the same weights, the same ids.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { exportModel } from "../../commands/export.ts";
import { readModel } from "../../commands/exports/read_back.ts";
import { validateConfig } from "../../model/mod.ts";
import { openTokenizer } from "../../tokenizers/mod.ts";
import { outputDigests, pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";

const names = { neox: "GPT-NeoX of width 24", gpt2: "GPT-2 of width 24" } as const;

Deno.test("export: an imported model leaves with the tokenizer that it came with, and imported again it has the same bytes", async () => {
  using folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const store = at("store");
  const weights = Object.fromEntries(
    Object.entries(names).map(([name, network]) => {
      Deno.mkdirSync(at(name));
      return [name, writeExternalModel(at(name), externalNetworks[network])];
    }),
  );
  const set = Object.keys(names).map((name) => `external.${name}.from=${at(name)}`);
  const run = async (targets: readonly string[], set: readonly string[]) => {
    const words = set.flatMap((one) => ["--set", one]);
    const options = ["--recipe", tinyRecipe, "--store", store, ...words];
    const { code, stdout, stderr } = await pipeline(["run", ...targets, ...options]);
    assert.equal(code, 0, stdout + stderr);
  };
  await run(["external"], set);
  const plan = { recipe: tinyRecipe, store, set, checkpoint: "best" };
  for (const name of Object.keys(names)) {
    await exportModel(project, `external/${name}`, at(`${name}-out`), { ...plan, as: ["hf,onnx"] });
    const there = at(`${name}-out/hf`);
    const { config } = externalNetworks[names[name as keyof typeof names]];
    assert.deepEqual(readModel(there), { config: validateConfig(config), tensors: weights[name] });
    const [given, left] = [at(name), there].map((place) =>
      Deno.readTextFileSync(join(place, "tokenizer.json"))
    );
    assert.equal(left, given);
    for (const form of ["hf", "onnx"]) {
      const file = join(at(`${name}-out`), form, "config.json");
      assert.equal(JSON.parse(Deno.readTextFileSync(file)).eos_token_id, 256);
      using tokenizer = await openTokenizer(at(`${name}-out/${form}`));
      assert.deepEqual([...tokenizer.encode("ab")], [97, 98]); // a byte a piece
    }
  }
  const again = [...set, `external.again.from=${at("neox-out/hf")}`];
  await run(["external/again"], again);
  const digests = outputDigests(store);
  assert.equal(digests["external/again"].model, digests["external/neox"].model);
  const card = Deno.readTextFileSync(join(at("neox-out/hf"), "README.md"));
  assert.match(card, /A language model of others, imported from `.*neox`\./);
  assert.match(card, /Its text is not known here\./);
});
