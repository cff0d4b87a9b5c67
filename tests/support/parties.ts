/**
 * A run of several parties by the command line, each with a store of its own, and the same run on one machine.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pipeline, tinyRecipe } from "./command_line.ts";
import { parties, writePartyText } from "./party_text.ts";
import { TalkingProcess } from "./talking_process.ts";

export type Environment = Readonly<Record<string, string>>;

/** What parties type, in one folder. */
export class Parties {
  /** URL of the exchange, the leader's environment, and a file with the silos' rights. */
  place: { readonly url: string; readonly environment?: Environment; readonly rights?: string };

  /** @param aloneFolder What one machine makes; its text is the same. Default: in `folder` */
  constructor(
    readonly folder: string,
    readonly variant: string,
    readonly set: readonly string[],
    readonly aloneFolder: string = folder,
  ) {
    for (const one of new Set([folder, aloneFolder])) writePartyText(join(one, "text"));
    this.place = { url: `folder:${this.at("exchange")}` };
  }

  /** The same with a tokenizer for all sources, which one machine trains on the text of all. */
  async withTokenizer(): Promise<Parties> {
    const tokenizer = join((await this.alone("vocabulary/global"))("tokenizer"), "tokenizer.json");
    const file = join(this.aloneFolder, "named.json");
    Deno.copyFileSync(tokenizer, file);
    const set = [...this.set, `vocabulary.global.file=${file}`];
    return new Parties(this.folder, this.variant, set, this.aloneFolder);
  }

  at(...path: string[]): string {
    return join(this.folder, ...path);
  }

  get #words(): readonly string[] {
    return ["--recipe", tinyRecipe, ...this.set.flatMap((setting) => ["--set", setting])];
  }

  /** The folder of each output of what one machine makes that has all text. */
  async alone(target = `pretrain/${this.variant}`): Promise<(output: string) => string> {
    const [data, store] = ["text", "alone"].map((name) => join(this.aloneFolder, name));
    const text = [`data=${data}`, "sources=null"].flatMap((it) => ["--set", it]);
    const rest = [...this.#words, ...text, "--store", store];
    const own = ["--set", `pretrain.variants=[${this.variant}]`];
    const { code, stdout, stderr } = await pipeline(["run", target, "--quiet", ...rest, ...own]);
    assert.equal(code, 0, stdout + stderr);
    return outputsOf(store, target);
  }

  get serveWords(): readonly string[] {
    const { url, rights } = this.place;
    const where = ["--exchange", url, "--silos", parties.join()];
    const own = ["--folder", this.at("leader"), "--store", this.at("leader-store")];
    const given = rights === undefined ? [] : ["--rights", rights];
    return ["serve", `pretrain/${this.variant}`, ...where, ...given, ...this.#words, ...own];
  }

  siloWords(source: string): readonly string[] {
    return [
      ...["silo", "--invitation", this.at("leader", "invitations", `${source}.json`)],
      ...["--data", this.at("text", source), "--folder", this.at(`silo-${source}`)],
      ...["--store", this.at(`store-${source}`)],
    ];
  }

  serve(environment: Environment = {}): TalkingProcess {
    return new TalkingProcess(this.serveWords, { ...this.place.environment, ...environment });
  }

  silo(source: string): TalkingProcess {
    return new TalkingProcess(this.siloWords(source));
  }
}

/** The folder of each output of a target that is in a store. */
export function outputsOf(store: string, target: string): (output: string) => string {
  const manifests = [...Deno.readDirSync(join(store, "manifests"))]
    .filter(({ name }) => name.endsWith(".json"))
    .map(({ name }) => JSON.parse(Deno.readTextFileSync(join(store, "manifests", name))));
  const { outputs } = manifests.find(({ instance }) => instance === target);
  return (output) => join(store, "objects", outputs[output].slice(0, 2), outputs[output]);
}

function bytesIn(folder: string, name: string): string {
  return Deno.readFileSync(join(folder, name)).toHex();
}

/** Compares what the parties have with what one machine made. */
export async function sameAsAlone(run: Parties): Promise<void> {
  const alone = await run.alone();
  const led = outputsOf(run.at("leader-store"), `federate/${run.variant}`);
  const rows = "metrics.jsonl";
  assert.equal(
    Deno.readTextFileSync(join(led("metrics"), rows)),
    Deno.readTextFileSync(join(alone("metrics"), rows)),
  );
  for (const output of ["last", "best"]) {
    const model = bytesIn(alone(output), "model.safetensors");
    assert.equal(bytesIn(led(output), "model.safetensors"), model);
    for (const source of parties) {
      const own = outputsOf(run.at(`store-${source}`), `participate/${run.variant}`);
      assert.equal(bytesIn(own(output), "model.safetensors"), model);
      const local = `local-${source}.safetensors`;
      if (!existsSync(join(alone(output), local))) continue;
      assert.equal(bytesIn(own(output), local), bytesIn(alone(output), local));
      assert.ok(!existsSync(join(led(output), local)), "a silo's table stays with it");
    }
  }
}
