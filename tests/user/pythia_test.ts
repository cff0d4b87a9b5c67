/**
 * Tables 18 to 20 from imports, end to end: models of the three kinds with random weights are continued beside a variant of DEPT.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";

/** What each is continued from. */
const starts = { neox: "random, pretrained", gpt2: "pretrained", mpt: "random" } as const;
const networks = { neox: "GPT-NeoX", gpt2: "GPT-2", mpt: "MPT" } as const;

Deno.test("run table/18 continues imports of GPT-NeoX, GPT-2 and MPT beside DEPT and compares them token for token", async () => {
  using folder = temporaryFolder();
  const names = Object.keys(starts) as (keyof typeof starts)[];
  const set = [
    "pretrain.variants=[trim]",
    "pretrain.rounds=1",
    "continue.starts=[random,pretrained]",
  ];
  for (const name of names) {
    const place = join(folder.path, name);
    Deno.mkdirSync(place);
    writeExternalModel(place, externalNetworks[`${networks[name]} of width 24`]);
    set.push(`external.${name}={from: '${place}', starts: [${starts[name]}]}`);
  }
  const options = [
    ...["--recipe", tinyRecipe, "--store", join(folder.path, "store")],
    ...set.flatMap((one) => ["--set", one]),
  ];
  const outputOf = async (words: readonly string[]) => {
    const { code, stdout, stderr } = await pipeline([...words, ...options]);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  await outputOf(["run", "table/18", "table/perplexity-random"]);
  interface Row {
    readonly label: string;
    readonly cells: readonly { readonly value: number | null }[];
  }
  const tableOf = async (name: string): Promise<Map<string, (number | null)[]>> => {
    const [{ rows }]: readonly { rows: readonly Row[] }[] = JSON.parse(
      await outputOf(["table", name, "--format", "json"]),
    );
    return new Map(rows.map(({ label, cells }) => [label, cells.map(({ value }) => value)]));
  };
  const computed = await tableOf("18");
  const labels = [
    ...["external/gpt2, pretrained", "external/neox, pretrained", "trim, pretrained"],
    ...["external/mpt, random", "external/neox, random", "trim, random"],
  ];
  for (const label of labels) {
    const cells = computed.get(label);
    assert.ok(cells?.every((value) => value! > 1 && Number.isFinite(value)), `${label}: ${cells}`);
  }
  // From random embeddings an import reads the tokens of the global vocabulary: its perplexity is that of the other table.
  const random = await tableOf("perplexity-random");
  for (const name of ["external/mpt", "external/neox", "trim"]) {
    const [ours, theirs] = [computed.get(`${name}, random`)!, random.get(name)!];
    assert.ok(theirs !== undefined, [...random.keys()].join());
    ours.forEach((value, i) => assert.ok(Math.abs(value! / theirs[i]! - 1) < 1e-9, name));
  }
  const difference = computed.get("best of DEPT less external/mpt, random")!;
  const expected = computed.get("trim, random")!.map((value, i) =>
    value! - computed.get("external/mpt, random")![i]!
  );
  difference.forEach((value, i) => assert.ok(Math.abs(value! - expected[i]) < 1e-9));
});
