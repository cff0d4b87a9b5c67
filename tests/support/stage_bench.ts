/**
 * Runs instances of stages by hand in this process, as the runner would: each is given what it declares, no more.
 */
import assert from "node:assert/strict";
import { openTokenShards, writeStatistics, writeTokenShards } from "../../datasets/mod.ts";
import { seedOf } from "../../base/mod.ts";
import { declarationOf } from "../../pipeline/declaration.ts";
import { silentLog, type Stage, type StageContext, type StageRun } from "../../pipeline/stage.ts";
import type { Recipe } from "../../stages/recipe.ts";
import {
  firstByteId,
  saveTokenizer,
  specialIds,
  trainUnigram,
  unigramDefaults,
} from "../../tokenizers/mod.ts";

/** What of a context is not declared. */
type Place = Partial<Pick<StageContext, "checkpointFolder" | "log" | "signal">> & {
  /** Where outputs go; the bench's folder without it. */
  readonly to?: string;
};

/** Outputs lie in `<folder>/<instance>#<output>`. */
export class StageBench {
  constructor(readonly folder: string, readonly recipe: Recipe) {}

  async run<Params extends object, Hints extends object, Uses extends object>(
    stage: Stage<Recipe, Params, Hints, Uses>,
    run: StageRun<Params, Hints, Uses>,
    parts: readonly string[],
    { to = this.folder, ...place }: Place = {},
  ) {
    const declared = declarationOf(stage as Stage, this.recipe, parts);
    const instance = [stage.name, ...parts].join("/");
    const inputs = Object.fromEntries(
      Object.entries(declared.inputs).map(([name, ref]) => [name, `${this.folder}/${ref}`]),
    );
    const outputs = Object.fromEntries(
      declared.outputs.map((name) => [name, `${to}/${instance}#${name}`]),
    );
    const checkpointFolder = `${this.folder}/checkpoints/${instance}`;
    for (const path of [...Object.values(outputs), checkpointFolder]) {
      Deno.mkdirSync(path, { recursive: true });
    }
    const patterns = declared.seeds.map((pattern) =>
      new RegExp(`^${pattern.replaceAll("*", ".*")}$`)
    );
    const modules = await Promise.all(
      Object.entries(declared.uses).map(async ([role, url]) => [role, await import(url)]),
    );
    const summary = await run({
      params: declared.params as Params,
      hints: declared.hints as Hints,
      inputs,
      files: declared.files,
      outputs,
      checkpointFolder,
      seed(name) {
        assert.ok(patterns.some((pattern) => pattern.test(name)), `${name} is declared`);
        return seedOf(17, name);
      },
      modules: Object.fromEntries(modules) as Uses,
      moduleUrls: declared.uses as { [Role in keyof Uses]: string },
      log: silentLog,
      signal: new AbortController().signal,
      ...place,
    });
    return { summary, outputs };
  }
}

/** Outputs of `vocabulary` and `tokenize` for two sources, `left` and `right`, in a bench's folder. */
export async function writeTokens(folder: string): Promise<void> {
  const text = (source: string, split: string) =>
    Array.from({ length: 12 }, (_, i) => ({
      text: `${source} ${split} goes on and on ${"and on ".repeat(i % 4)}`,
    }));
  const all = ["left", "right"].flatMap((source) => text(source, "train"));
  const tokenizer = await trainUnigram(all, { ...unigramDefaults, vocabSize: 290 });
  Deno.mkdirSync(`${folder}/vocabulary/global#tokenizer`, { recursive: true });
  saveTokenizer(`${folder}/vocabulary/global#tokenizer`, tokenizer);
  for (const source of ["left", "right"]) {
    const at = (output: string) => `${folder}/tokenize/${source}/global#${output}`;
    for (const output of ["train", "validation", "test", "statistics"]) {
      Deno.mkdirSync(at(output), { recursive: true });
    }
    for (const split of ["train", "validation", "test"]) {
      const documents = text(source, split).map(({ text }) => ({
        ids: tokenizer.encode(text),
        bytes: text.length,
      }));
      await writeTokenShards(at(split), documents, {
        vocabSize: tokenizer.vocabSize,
        endId: specialIds.end,
      });
    }
    const shards = openTokenShards(at("train"));
    writeStatistics(at("statistics"), shards, {
      reservedPieces: firstByteId + 256,
      unknownId: specialIds.unknown,
    });
    shards.close();
  }
}
