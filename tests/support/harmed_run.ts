/**
 * A run of the command line whose sources are trained by two processes `silo`, while harm is done to it at random moments: its
 * results must be those of a run alone.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { keyAndOutputs, type Made, pipeline, temporaryFolder, tinyRecipe } from "./command_line.ts";
import { doHarm, type HarmCounts, type HarmOptions } from "./harm.ts";
import { lineTo, Party, textOf } from "./harmed_party.ts";

/** Variants trained alone, and what they are made from. */
export class RunsAlone implements Disposable {
  readonly #folder = temporaryFolder();
  readonly #words: readonly string[];
  readonly #made = new Map<string, Promise<Result>>();

  /** @param extent Of training: more of it has room for more harm */
  constructor(
    variants: readonly string[],
    extent: { readonly rounds: number; readonly localSteps: number },
  ) {
    const settings = [
      `pretrain.variants=[${variants.join(",")}]`,
      `pretrain.rounds=${extent.rounds}`,
      `pretrain.localSteps=${extent.localSteps}`,
      "pretrain.checkpointEverySteps=10",
      "engine.kind=reference",
    ];
    this.#words = ["--recipe", tinyRecipe, ...settings.flatMap((one) => ["--set", one])];
  }

  /** The words of a command about a target in a store. */
  words(store: string): readonly string[] {
    return [...this.#words, "--store", store];
  }

  /** Trains a variant where that was not done before. */
  of(target: string): Promise<Result> {
    const made = this.#made.get(target) ?? this.#train(target);
    this.#made.set(target, made);
    return made;
  }

  /** A store that has all but the target. */
  async storeWithout(target: string, store: string): Promise<void> {
    const { key } = await this.of(target);
    cpSync(this.#folder.path, store, { recursive: true });
    Deno.removeSync(join(store, "manifests", `${key}.json`));
  }

  made(target: string, store: string): Promise<Result> {
    return keyAndOutputs(target, this.words(store));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  async #train(target: string): Promise<Result> {
    const store = this.#folder.path;
    const { code, stderr } = await pipeline(["run", target, "--quiet", ...this.words(store)]);
    assert.equal(code, 0, stderr);
    return await this.made(target, store);
  }
}

type Result = Pick<Made, "key" | "outputs">;

export interface HarmedRunOptions extends HarmOptions {
  readonly alone: RunsAlone;
  readonly target: string;
}

/** Runs with harm. @throws AssertionError where results differ, or somebody does not come through */
export async function harmedRun(options: HarmedRunOptions): Promise<HarmCounts> {
  const { alone, target, server } = options;
  using folder = temporaryFolder();
  const store = join(folder.path, "store");
  await alone.storeWithout(target, store);
  const words = [target, ...alone.words(store)];
  const exchange = crypto.randomUUID();
  const start = (args: readonly string[]) => {
    const line = lineTo(server, exchange, folder.path);
    return new Party([...args, "--exchange", line.url], line);
  };
  using leader = start(["run", ...words, "--workers", "0"]);
  using a = start(["silo", ...words, "--name", "a"]);
  using b = start(["silo", ...words, "--name", "b"]);
  const parties = { leader, a, b };
  const counts = await doHarm(parties, options);
  assert.deepEqual(await alone.made(target, store), await alone.of(target), textOf(parties));
  return counts;
}
